//! `restore`: restores a snapshot, or a directory or file of it, into a directory.

mod base;
mod document;
mod error;
mod obstacle;
mod place;
mod request;
mod run;
mod sink;

pub use document::{ActionDocument, ProblemLine, RestoreDocument};
pub use error::RestoreRefusal;
pub use obstacle::protected_path;
pub use request::{Base, Include, RestoreRequest, TargetChoice};
pub use run::{Restored, run};
pub use sink::{RestoreSink, SnapshotNotice};
