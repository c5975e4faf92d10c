//! `stats`: what a repository holds, what each source, host and snapshot holds alone, and how it grew.

mod document;
mod growth;
mod holders;
mod inventory;
mod objects;
mod report;
mod request;
mod run;

pub use document::StatsDocument;
pub use growth::MonthGrowth;
pub use objects::{ObjectClass, ObjectSums};
pub use report::{HolderUse, SelectionUse, SnapshotUse, StatsDamage, StatsReport, UnusedPacks};
pub use request::StatsRequest;
pub use run::run;
