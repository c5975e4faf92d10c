//! What can go wrong between the engines and the stored objects.

use icecore_catalog::CatalogError;
use icecore_format::{
    error::FormatError,
    ids::{ChunkId, RunId, WriterId},
};
use icecore_store::error::StoreError;

use crate::entry_refusal::EntryRefusal;

/// Result of this crate.
pub type RepoResult<T> = Result<T, RepoError>;

/// Error of a repository operation. The text can follow "failed to …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepoError {
    /// There is no repository header at the location.
    #[error("there is no Icecore repository at {location}")]
    NoRepository {
        /// Location of the store.
        location: String,
    },
    /// A repository was to be created at a location that already has one.
    #[error("an Icecore repository already exists at {location}")]
    RepositoryExists {
        /// Location of the store.
        location: String,
    },
    /// None of the given credentials opens a key slot.
    #[error("{}", wrong_key(location, *slots))]
    WrongKey {
        /// Location of the store.
        location: String,
        /// Number of slots of the same kind as the credential.
        slots: usize,
    },
    /// There is no usable key slot at all.
    #[error("the repository at {location} has no readable key slot: {reason}")]
    NoKeySlot {
        /// Location of the store.
        location: String,
        /// What is wrong with the existing slots.
        reason: String,
    },
    /// The key slot to be removed does not exist, or its abbreviation is ambiguous.
    #[error("expected exactly one key slot whose id begins with {id:?}, found {found}")]
    SlotNotFound {
        /// Id as given.
        id: String,
        /// Number of slots that match.
        found: usize,
    },
    /// After a change of the key, the old one still opens a slot.
    #[error("the old key still opens the key slot {id}")]
    SlotLeft {
        /// Id of the slot.
        id: String,
    },
    /// The last key slot must stay.
    #[error("this is the only key slot that opens; without it, nobody could read the repository again")]
    LastSlot,
    /// The storage border failed.
    #[error(transparent)]
    Store(StoreError),
    /// A stored object is damaged, of a newer version, or sealed under another key.
    #[error("object {key}: {source}")]
    Object {
        /// Key of the object.
        key: String,
        /// What is wrong with it.
        source: FormatError,
    },
    /// Bytes could not be produced.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The local catalogue failed.
    #[error("catalogue: {0}")]
    Catalog(#[from] CatalogError),
    /// A needed chunk is in no pack.
    #[error("chunk {id} is not in any pack of the repository")]
    MissingChunk {
        /// Id of the chunk.
        id: ChunkId,
    },
    /// A chunk has another length than its reference.
    #[error("chunk {id} has {found} bytes instead of {expected}")]
    ChunkLength {
        /// Id of the chunk.
        id: ChunkId,
        /// Length in the pack directory, in bytes.
        found: u32,
        /// Length in the manifest, in bytes.
        expected: u32,
    },
    /// The manifest is not a well-formed tree.
    #[error("the manifest of snapshot {run} is malformed: {reason}")]
    Manifest {
        /// Snapshot.
        run: RunId,
        /// Which rule is broken.
        reason: &'static str,
    },
    /// An entry would make the manifest unsound, and is not written.
    #[error("the entry \"{}\" cannot be part of a snapshot: {reason}", .path.escape_ascii())]
    EntryRefused {
        /// Path of the entry.
        path: Vec<u8>,
        /// Which rule it breaks.
        reason: EntryRefusal,
    },
    /// A finished pack did not read back as it was written; nothing of it was uploaded.
    #[error("a finished pack failed its verification (faulty memory or processor?): {source}")]
    SelfVerification {
        /// What did not match.
        source: FormatError,
    },
    /// Another process marked the pending run as aborted.
    #[error("another program ended the run before it was complete; nothing is lost")]
    Fenced,
    /// The repository uses features that a writer must understand, and this version does not.
    #[error("a newer version of Icecore has changed the repository; this version can only read it")]
    NewerMaintenance,
    /// The record of a collection is damaged, or of a newer program: nobody knows which packs it condemns.
    #[error(
        "{key} lists packs that are being removed, but cannot be read, so nothing can be written: {source}"
    )]
    Collection {
        /// Key of the record.
        key: String,
        /// What is wrong with it.
        source: FormatError,
    },
    /// Others changed a snapshot object each time before it could be changed.
    #[error("others keep changing the snapshot {run}")]
    SnapshotContended {
        /// Run of the snapshot.
        run: RunId,
    },
    /// Records of collections were removed each time before they were read.
    #[error("the records of collections keep changing while they are read")]
    CollectionsChange,
    /// Other runs of the same user kept taking the next number of the log.
    #[error("other runs keep writing to the log of writer {writer}")]
    LogContended {
        /// Writer whose numbers are taken.
        writer: WriterId,
    },
    /// The user or the system asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// A thread of the pipeline ended unexpectedly.
    #[error("the {stage} stage ended unexpectedly")]
    StageLost {
        /// Name of the stage.
        stage: &'static str,
    },
}

impl From<StoreError> for RepoError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Interrupted => Self::Interrupted,
            error => Self::Store(error),
        }
    }
}

/// Says that nothing opens; `slots` is the number of key slots of the same kind as the credential.
fn wrong_key(location: &str, slots: usize) -> String {
    match slots {
        0 => format!(
            "the repository at {location} has no key slot for this kind of key (password or key file)"
        ),
        _ => format!("wrong password or key file for the repository at {location}"),
    }
}

impl RepoError {
    /// Returns whether stored data is damaged or missing.
    pub fn is_corruption(&self) -> bool {
        match self {
            Self::Object { source, .. } | Self::Collection { source, .. } | Self::Format(source) => {
                source.is_corruption()
            }
            Self::Store(error) => error.is_not_found(),
            // The refused entry was read from a snapshot, where it should not be.
            Self::MissingChunk { .. }
            | Self::ChunkLength { .. }
            | Self::Manifest { .. }
            | Self::EntryRefused { .. } => true,
            _ => false,
        }
    }

    /// Returns whether stored data is missing, rather than damaged.
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Store(error) => error.is_not_found(),
            error => matches!(error, Self::MissingChunk { .. }),
        }
    }

    /// Returns whether the data has to be thawed before it can be read.
    pub fn is_archived(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_archived())
    }

    pub(crate) fn object(key: impl Into<String>) -> impl FnOnce(FormatError) -> Self {
        let key = key.into();
        move |source| Self::Object { key, source }
    }
}
