//! Plans (which blocks of which packs into which files) and executes restores, resumably.
//!
//! Architecture invariants: never writes outside the target, whatever a snapshot says; one bad file never
//! stops the others; never fetches files again whose content is right; its memory does not grow with the
//! snapshot.
//!
//! The files are in layers, and each uses only those below it. From the bottom: values (`request`, `report`,
//! `error`, `candidate`, `links`, `steps`); `restoration`, which all threads share; the content of the target
//! (`verdict`, `frame`, `directories`, `deletion`, `existing`, `holes`); writing (`file`, `large`, `objects`,
//! `linking`); execution (`plan`, `completion`, `driver`); finding the steps (`selection`, `walker`, `walk`);
//! and `guard` and `restore` above all.

mod candidate;
mod comparison;
mod completion;
mod content;
mod deletion;
mod directories;
mod driver;
pub mod error;
mod existing;
mod file;
#[cfg(test)]
mod fixture;
mod frame;
mod guard;
mod holes;
pub mod include;
mod large;
mod layout;
mod linking;
mod links;
mod matching;
mod metadata;
mod names;
mod objects;
mod outcome;
mod owners;
mod plan;
mod pool;
pub mod report;
pub mod request;
mod restoration;
mod restore;
mod root;
mod rules;
mod segments;
mod selection;
mod steps;
mod tally;
mod verdict;
mod walk;
mod walker;

pub use content::write_content;
pub use error::{RestoreError, RestoreResult};
pub use icecore_repo::reader::ArchivedPack;
pub use include::{IncludeError, IncludePatterns, Inclusion};
pub use report::{
    KeptObjects, KeptReason, NoEvents, ProblemReason, RestoreAction, RestoreCounts, RestoreEvents,
    RestoreNotice, RestoreProblem, RestoreProgress, RestoreReport, RestoreWarning,
};
pub use request::{OwnerMapping, RestoreRequest};
pub use restore::restore;
