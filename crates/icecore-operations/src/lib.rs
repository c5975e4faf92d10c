//! One folder for each operation: a typed request, the engines that carry it out, and the document of its
//! result.
//!
//! Architecture invariants: no console, no argument parser, no exit codes, and no access to the environment;
//! notices for the user are events, failures are typed errors.

pub mod archived;
pub mod backup;
pub mod cat;
pub mod change;
pub mod check;
pub mod copy;
pub mod diff;
pub mod doctor;
pub mod documents;
pub mod entries;
pub mod error;
pub mod forget;
pub mod hold;
pub mod init;
pub mod key;
pub mod look;
pub mod losses;
pub mod ls;
pub mod note;
pub mod overlap;
pub mod prune;
mod reading;
pub mod reference;
pub mod restore;
pub mod snapshots;
pub mod stats;
pub mod tag;
pub mod text;
pub mod witness;
