//! The `Store` trait, its error kinds, its decorators (retry, limit, meter, read-only, fault), the memory and
//! local-directory stores and the conformance suite that every store passes.
//!
//! Architecture invariants: knows nothing about encryption or the meaning of objects; a store never
//! overwrites an object unless the caller named the version to be replaced; decorators add behaviour, never
//! contracts.

pub mod conformance;
pub mod environment;
pub mod error;
pub mod fault;
pub mod key;
pub mod limit;
pub mod local;
pub mod location;
pub mod memory;
pub mod meter;
pub mod method;
pub mod read_only;
pub mod retry;
pub mod stop;
pub mod store;
pub mod waits;
mod xorshift;

pub use crate::{
    environment::Environment,
    error::StoreError,
    fault::FaultStore,
    limit::LimitStore,
    local::LocalStore,
    location::RepositoryLocation,
    memory::MemoryStore,
    meter::MeterStore,
    method::Method,
    read_only::ReadOnlyStore,
    retry::RetryStore,
    stop::Stop,
    store::{ObjectInfo, PutCondition, Store, StoreExt, StoreResult, Version},
};
