//! `snapshots`: the recovery points of a repository.

mod document;
mod request;
mod run;

pub use document::{ListedDocument, clock_name};
pub use request::SnapshotsRequest;
pub use run::{SnapshotsReport, run};
