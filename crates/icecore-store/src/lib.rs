//! The `Store` trait, its error kinds, its decorators (retry, limit, meter, read-only, fault), the memory and
//! local-directory stores and the conformance suite that every store passes.
//!
//! Architecture invariants: knows nothing of encryption or of what an object means; a store never overwrites an object
//! unless the caller named the version to be replaced; decorators add behaviour and never contracts.

pub mod environment;
pub mod error;
pub mod store;
