//! Request: what to copy.

use std::ffi::OsString;

use icecore_access::{RepositoryAccess, creation::KeyChoice};
use icecore_witness::WitnessSettings;

/// Access to one of the two repositories.
#[derive(Clone, Copy, Debug)]
pub struct CopySide<'a> {
    /// Its location, and how to unlock it.
    pub access: &'a RepositoryAccess,
    /// Settings of its witness.
    pub witness: &'a WitnessSettings,
}

/// Snapshots of a repository, and how they are written into another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyRequest {
    /// Which snapshots.
    pub selection: CopySelection,
    /// Key for creating the destination if there is none.
    pub creation: Option<KeyChoice>,
    /// Level of zstd for data blocks.
    pub compression_level: i32,
    /// Target length of packs in bytes.
    pub pack_bytes: u64,
    /// Whether it is a dry run, which only finds out what would be copied.
    pub is_dry_run: bool,
    /// Whether to continue although snapshots disappeared, or the repository was rolled back.
    pub ignores_rollback: bool,
}

/// Which snapshots are copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopySelection {
    /// All complete ones.
    All,
    /// All complete ones of a source.
    Source(String),
    /// Single ones, as the user typed them: `[SOURCE@]SNAPSHOT`. Each text is parsed when it is resolved.
    Named(Vec<OsString>),
}

impl CopySelection {
    /// Returns whether single snapshots were named.
    pub(super) fn is_named(&self) -> bool {
        matches!(self, Self::Named(_))
    }
}
