//! `copy`: snapshots into another repository.

mod choice;
mod destination;
mod document;
mod error;
mod job;
mod report;
mod request;
mod run;
mod sink;

pub use document::CopyDocument;
pub use error::NotCopied;
pub use report::{CopyOutcome, CopyReport, RepositoryUse, SnapshotCopy};
pub use request::{CopyRequest, CopySelection, CopySide};
pub use run::run;
pub use sink::CopySink;
