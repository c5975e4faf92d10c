//! Source to snapshot: change detection, pipeline, resumption, report.
//!
//! Architecture invariants: never writes to a source; a snapshot becomes complete last, after everything it refers to.

pub mod error;
pub mod problems;
pub mod request;

mod again;
mod backup;
mod capture;
mod changes;
mod clocks;
mod cutter;
mod dry_run;
mod empty;
mod entries;
mod granularity;
mod job;
mod levels;
mod links;
mod moved;
mod pipeline;
mod reading;
mod sink;
mod streaming;
mod tail;

pub use backup::backup;
