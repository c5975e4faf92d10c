//! Source to snapshot: change detection, pipeline, resumption, report.
//!
//! Architecture invariants: never writes to a source; a snapshot becomes complete last, after everything it refers to.

pub mod error;
pub mod request;

mod backup;

pub use backup::backup;
