//! What tests of several crates start from: snapshots as values, and the check that JSON documents are documented.
//!
//! Architecture invariants: a dependency of tests only; whatever does not fit an assertion panics.

pub mod documented;
pub mod snapshots;
