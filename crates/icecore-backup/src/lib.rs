//! Source to snapshot: change detection, pipeline, resumption, report.
//!
//! Architecture invariants: never writes to a source; a snapshot becomes complete last, after everything it
//! refers to.

pub mod error;
pub mod events;
pub mod problems;
pub mod report;
pub mod request;

mod backup;
mod capture;
mod clocks;
mod comparison;
mod dry_run;
mod empty;
mod input;
mod levels;
mod links;
mod pipeline;
mod reading;
mod root_problem;
mod sink;
mod stream;
mod tally;
mod tree_walk;

pub use backup::backup;
