//! The kinds of sealed objects.

use crate::{
    error::{FormatError, FormatResult},
    limits::{
        BUNDLE_BYTES_MAX, COLLECTION_BYTES_MAX, DIRECTORY_BYTES_MAX, INDEX_BYTES_MAX, RECORD_BYTES_MAX,
    },
};

/// Kind of a sealed object; each kind has its own keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ObjectKind {
    /// Sealed part of the repository header.
    Header = 1,
    /// Pack of data chunks.
    Data = 2,
    /// Pack of manifest nodes.
    Manifest = 3,
    /// Pack directory.
    Directory = 4,
    /// Snapshot.
    Snapshot = 5,
    /// Record of the log.
    Log = 6,
    /// Copies of other objects.
    Index = 7,
    /// Record of a collection: the packs that it removes.
    Collection = 8,
    /// Records that a host has opened and keeps locally; in no repository.
    Bundle = 0x80,
}

impl ObjectKind {
    /// Reads the kind of an object in a repository from its number.
    pub fn from_number(number: u8) -> FormatResult<Self> {
        Ok(match number {
            1 => Self::Header,
            2 => Self::Data,
            3 => Self::Manifest,
            4 => Self::Directory,
            5 => Self::Snapshot,
            6 => Self::Log,
            7 => Self::Index,
            8 => Self::Collection,
            _ => return Err(FormatError::malformed("sealed object", "unknown kind")),
        })
    }

    /// Returns the kind's name for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Header => "repository header",
            Self::Data => "data pack",
            Self::Manifest => "manifest pack",
            Self::Directory => "pack directory",
            Self::Snapshot => "snapshot",
            Self::Log => "log record",
            Self::Index => "index object",
            Self::Collection => "collection record",
            Self::Bundle => "bundle",
        }
    }

    /// Returns the largest record of this kind before compression, in bytes. Records in packs are
    /// directories.
    pub(crate) fn record_bytes_max(self) -> u32 {
        match self {
            Self::Header | Self::Snapshot | Self::Log => RECORD_BYTES_MAX,
            Self::Index => INDEX_BYTES_MAX,
            Self::Collection => COLLECTION_BYTES_MAX,
            Self::Bundle => BUNDLE_BYTES_MAX,
            Self::Data | Self::Manifest | Self::Directory => DIRECTORY_BYTES_MAX,
        }
    }
}
