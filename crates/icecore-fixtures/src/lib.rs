//! What tests of several crates start from: snapshots and entries as values, key files, bytes and threads,
//! and the check that JSON documents are documented.
//!
//! Architecture invariants: only a dependency of tests; builds on the format alone, so that the tests of
//! every crate above can use it; reads no clock and draws no random numbers; panics on anything unexpected.

#![expect(clippy::unwrap_used, reason = "a test without what it starts from fails")]

pub mod collections;
pub mod content;
pub mod documented;
pub mod entries;
pub mod file_times;
pub mod keys;
pub mod snapshots;
pub mod threads;
