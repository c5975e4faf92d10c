//! Which key is to be added.

use std::{ffi::OsString, path::PathBuf};

/// A new key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKeyRequest {
    /// Where it comes from.
    pub source: NewKeySource,
    /// Label of its slot.
    pub label: String,
}

/// Where a new key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewKeySource {
    /// A key file, which is written if it does not exist.
    KeyFile(PathBuf),
    /// A file that holds a password.
    PasswordFile(PathBuf),
    /// A command that prints a password.
    PasswordCommand(OsString),
    /// A key of AWS KMS, by ARN, alias or id.
    Kms(String),
    /// A password that somebody is asked for.
    Asked,
}
