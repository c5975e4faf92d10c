//! Plans (which blocks of which packs into which files) and executes restores, resumably.
//!
//! Architecture invariants: never writes outside the target, whatever a snapshot says; one bad file never stops the
//! others; what is already right in the target is not fetched again; what is held in memory does not grow with the
//! snapshot.

pub mod error;
pub mod include;
pub mod report;
pub mod request;

pub use error::{RestoreError, RestoreResult};
pub use include::{IncludeError, IncludePatterns};
pub use report::{
    NoEvents, ProblemReason, RestoreAction, RestoreCounts, RestoreEvents, RestoreNotice, RestoreProblem,
    RestoreProgress, RestoreReport, RestoreWarning,
};
pub use request::{OwnerMapping, RestoreRequest};
