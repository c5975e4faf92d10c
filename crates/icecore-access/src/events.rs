//! What is said and asked on the way to a repository.

use std::{fmt::Debug, io, path::Path};

use icecore_catalog::{CatalogError, RebuildReason};
use icecore_repo::error::RepoError;
use zeroize::Zeroizing;

use crate::origin::SecretFileKind;

/// Somebody who can be asked for a password.
pub trait Prompt: Debug + Send + Sync {
    /// Says whether there is anybody to ask.
    fn can_ask(&self) -> bool;

    /// Asks for a password without showing it. An error of the kind `Interrupted` means that the user wants
    /// to stop.
    fn password(&self, prompt: &str) -> io::Result<Zeroizing<Vec<u8>>>;
}

/// Receiver of what is good to know, or not as it should be, and stops nothing.
pub trait AccessEvents: Debug + Send + Sync {
    /// Takes a notice.
    fn notice(&self, notice: AccessNotice<'_>);
}

/// Something that is good to know, or not as it should be.
#[derive(Clone, Copy, Debug)]
pub enum AccessNotice<'a> {
    /// The repository was made for one writer at a time, and is going to be written to.
    SingleWriter,
    /// There is no directory for catalogues; this one lives as long as the process.
    NoCacheDirectory,
    /// The catalogue is of no use, and a new one was begun.
    CatalogRebuilt {
        /// Why it is of no use.
        reason: &'a RebuildReason,
    },
    /// The catalogue cannot be opened; another one lives as long as the process.
    CatalogUnusable {
        /// Why it cannot be opened.
        error: &'a CatalogError,
    },
    /// Catalogues of other repositories were removed.
    CacheTrimmed {
        /// Bytes that all catalogues together may have.
        bytes_max: u64,
        /// Catalogues that were removed.
        catalogues: u64,
        /// Bytes that they had.
        bytes: u64,
    },
    /// A snapshot cannot be read.
    DamagedSnapshot {
        /// Why not.
        error: &'a RepoError,
    },
    /// A pack directory cannot be read.
    DamagedPackDirectory {
        /// Why not.
        error: &'a RepoError,
    },
    /// Everybody on this machine may read a file with a secret.
    PublicSecret {
        /// Its kind.
        kind: SecretFileKind,
        /// Where it is.
        path: &'a Path,
    },
    /// A password that somebody was asked for does not open the repository; there is another attempt.
    WrongPassword,
    /// A new password was entered twice, and not twice alike; there is another attempt.
    PasswordsDiffer,
    /// All keys of the repository are keys of AWS KMS.
    OnlyKmsKeys,
    /// Unfinished uploads of earlier runs were removed.
    UploadsRemoved {
        /// How many.
        uploads: u64,
    },
}

#[cfg(test)]
pub(crate) mod tests;
