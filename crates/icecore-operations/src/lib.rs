//! One folder for each operation: a typed request, the engines that carry it out, and the document that says
//! what came of it.
//!
//! Architecture invariants: no console, no argument parser, no exit codes, and the environment is not read;
//! whatever a user is told on the way is an event, whatever goes wrong a typed error.

pub mod archived;
pub mod backup;
pub mod cat;
pub mod check;
pub mod copy;
pub mod diff;
pub mod doctor;
pub mod documents;
pub mod entries;
pub mod error;
pub mod init;
pub mod key;
pub mod look;
pub mod losses;
pub mod ls;
pub mod overlap;
pub mod reference;
pub mod restore;
pub mod snapshots;
pub mod text;
pub mod witness;
