//! Request: which key to add.

use std::{ffi::OsString, path::PathBuf};

/// A new key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKeyRequest {
    /// Its source.
    pub source: NewKeySource,
    /// Label of its slot.
    pub label: String,
}

/// Source of a new key.
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
    /// A password that the user enters.
    Asked,
}
