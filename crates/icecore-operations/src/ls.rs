//! `ls`: the content of a directory of a snapshot, entry by entry.

mod request;
mod run;

pub use request::LsRequest;
pub use run::{ListedEntry, LsSink, run};
