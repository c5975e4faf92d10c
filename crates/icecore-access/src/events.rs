//! Notices and questions on the way to a repository.

use std::{fmt::Debug, io, path::Path};

use icecore_catalog::{CatalogError, RebuildReason};
use icecore_format::ids::RunId;
use icecore_repo::error::RepoError;
use zeroize::Zeroizing;

use crate::origin::SecretFileKind;

/// Asks a user for a password.
pub trait Prompt: Debug + Send + Sync {
    /// Returns whether there is a user to ask.
    fn can_ask(&self) -> bool;

    /// Asks for a password without showing it. An error of the kind `Interrupted` means that the user wants
    /// to stop.
    fn password(&self, prompt: &str) -> io::Result<Zeroizing<Vec<u8>>>;
}

/// Receiver of notices: facts and problems that stop nothing.
pub trait AccessEvents: Debug + Send + Sync {
    /// Takes a notice.
    fn notice(&self, notice: AccessNotice<'_>);
}

/// A fact or a problem that stops nothing.
#[derive(Clone, Copy, Debug)]
pub enum AccessNotice<'a> {
    /// The repository was created for one writer at a time, and is about to be written.
    SingleWriter,
    /// There is no directory for catalogues; this catalogue exists as long as the process.
    NoCacheDirectory,
    /// The catalogue was unusable, and a new one was begun.
    CatalogRebuilt {
        /// Why it was unusable.
        reason: &'a RebuildReason,
    },
    /// The catalogue cannot be opened; another one exists as long as the process.
    CatalogUnusable {
        /// Why it cannot be opened.
        error: &'a CatalogError,
    },
    /// Catalogues of other repositories were removed.
    CacheTrimmed {
        /// Maximum number of bytes of all catalogues together.
        bytes_max: u64,
        /// Number of removed catalogues.
        catalogues: u64,
        /// Their bytes.
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
    /// Everybody on this machine can read a file with a secret.
    PublicSecret {
        /// Its kind.
        kind: SecretFileKind,
        /// Path of the file.
        path: &'a Path,
    },
    /// The entered password does not open the repository; the user is asked again.
    WrongPassword,
    /// A new password was entered twice, but differently; the user is asked again.
    PasswordsDiffer,
    /// All keys of the repository are keys of AWS KMS.
    OnlyKmsKeys,
    /// A snapshot has been read for a long time, and cannot be held: somebody may forget it.
    SnapshotNotHeld {
        /// Its run.
        run: RunId,
        /// Why not.
        error: &'a dyn std::error::Error,
    },
    /// Somebody forgot a snapshot that is being read: a part of its data may be removed before the end.
    SnapshotForgotten {
        /// Its run.
        run: RunId,
    },
    /// Unfinished uploads of earlier runs were removed.
    UploadsRemoved {
        /// Number of uploads.
        uploads: u64,
    },
}

#[cfg(test)]
pub(crate) mod tests;
