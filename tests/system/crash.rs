//! Crashes after every step, enumerated: no complete snapshot is lost, and the next run completes the
//! interrupted work.

mod disk;
pub(crate) mod program;
mod recovery;
mod store;
mod workload;

pub(crate) use self::{recovery::Step, workload::Workload};
