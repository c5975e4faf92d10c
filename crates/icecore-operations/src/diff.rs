//! `diff`: the differences between two snapshots.

mod difference;
mod document;
mod request;
mod run;

pub use difference::Difference;
pub use document::ChangeDocument;
pub use request::DiffRequest;
pub use run::{DiffReport, DiffSink, path_of, run};
