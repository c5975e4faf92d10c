//! Repair: first a plan, made only by reading; then its execution by a handle that may write and delete.
//!
//! A repair rebuilds derived objects (pack directories from the copies at the ends of packs). It stores the
//! intact data of a damaged pack in a new pack, and then moves the damaged one into quarantine. At every
//! moment, each readable chunk is in a pack that has a directory. Whatever interrupts a repair, and whoever
//! reads or writes meanwhile, readable data stays readable.

mod diagnosis;
mod execute;
mod maintenance;
mod marks;
mod mend;
mod parents;
mod plan;
mod planning;
mod snapshots;
mod tree;

pub use maintenance::{Maintenance, RepairEnvironment};
pub use marks::MarkChange;
pub use plan::{MendedManifest, RepairOutcome, RepairPlan, RepairStep, SalvageSource, StoredObject};
pub use planning::plan_repair;
