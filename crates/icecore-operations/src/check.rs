//! `check`: verifies the repository, and repairs it on request.

mod checked;
mod document;
mod lifecycle;
mod newest;
mod next_commands;
mod past;
mod repair;
mod request;
mod run;
mod verifications;

pub use checked::{Checked, packs_hit};
pub use document::{CheckDocument, RepairDocument};
pub use newest::NewestWhole;
pub use next_commands::NextCommand;
pub use past::{Accepted, Past, is_loss};
pub use repair::{Done, Repair};
pub use request::{CheckRequest, Reading, RepairMode};
pub use run::{CheckReceiver, run};
