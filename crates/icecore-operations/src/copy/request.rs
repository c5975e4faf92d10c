//! What is to be copied.

use std::ffi::OsString;

use icecore_access::{RepositoryAccess, creation::KeyChoice};
use icecore_witness::WitnessSettings;

/// The way to one of the two repositories.
#[derive(Clone, Copy, Debug)]
pub struct CopySide<'a> {
    /// Where it is, and how to unlock it.
    pub access: &'a RepositoryAccess,
    /// What its witness needs.
    pub witness: &'a WitnessSettings,
}

/// Snapshots of a repository, and how they are written into another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyRequest {
    /// Which snapshots.
    pub selection: CopySelection,
    /// Create the destination if there is none, with this key.
    pub creation: Option<KeyChoice>,
    /// Level of zstd for data blocks.
    pub compression_level: i32,
    /// Target length of packs in bytes.
    pub pack_bytes: u64,
    /// Only find out what would be copied; write nothing.
    pub is_dry_run: bool,
    /// Whether to go on although snapshots disappeared, or the repository was rolled back.
    pub ignores_rollback: bool,
}

/// Which snapshots are copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopySelection {
    /// All complete ones.
    All,
    /// All complete ones of a source.
    Source(String),
    /// Single ones, as they were written: `[SOURCE@]SNAPSHOT`. Each text is parsed when it is resolved.
    Named(Vec<OsString>),
}

impl CopySelection {
    /// Says whether single snapshots were named.
    pub(super) fn is_named(&self) -> bool {
        matches!(self, Self::Named(_))
    }
}
