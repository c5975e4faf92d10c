//! Finds, opens, unlocks and creates a repository: location, decorated store, S3 settings, credentials, key
//! files, AWS KMS, catalogue.
//!
//! Architecture invariants: prints nothing, asks only through a [`Prompt`], reads no environment variables,
//! and knows neither options nor exit codes; every notice is an [`AccessNotice`]; neither notices nor an
//! [`AccessError`] contain a secret.

mod access;
mod allowance;
mod catalog;
pub mod creation;
pub mod credentials;
pub mod directories;
mod enclosing;
mod error;
mod events;
pub mod key_file;
pub mod kms;
mod machine;
mod open;
mod origin;
pub mod requests;
pub mod s3;
mod store;
mod trust;
pub mod unlock;

pub use crate::{
    access::{CacheSettings, RepositoryAccess, Surroundings},
    allowance::Allowance,
    credentials::{CredentialSource, GivenCredentials, PASSWORD_VARIABLES},
    directories::Directories,
    error::{AccessError, AccessResult, KeyFileElsewhere, UnusableEndpoint},
    events::{AccessEvents, AccessNotice, Prompt},
    machine::Machine,
    open::OpenRepository,
    origin::{CredentialOrigin, ProfileOrigin, SecretFileKind, TrustOrigin},
    requests::Requests,
    store::{AccessMode, OpenStore, Usage},
};
