//! Independent verifier and rescuer, built on format and store alone, so that it shares no bug with the write path.
//!
//! Architecture invariants: never uses the repository, backup or restore crates, nor the catalogue.
