//! Crashes after every step, enumerated: nothing that was complete is lost, and the next run completes what
//! was begun.

mod disk;
pub(crate) mod program;
mod recovery;
mod store;
mod workload;

pub(crate) use self::{recovery::Step, workload::Workload};
