//! The master key and the keys derived from it, one for each purpose.

use std::{collections::BTreeMap, fmt};

use zeroize::Zeroizing;

use crate::{
    error::{FormatError, FormatResult},
    ids::{ChunkId, RepositoryId},
    object_kind::ObjectKind,
};

/// Length of every symmetric key in bytes.
pub const KEY_BYTES: usize = 32;

/// A secret of 32 bytes: erased when dropped, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<[u8; KEY_BYTES]>);

impl Secret {
    /// Wraps 32 secret bytes.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Returns the secret bytes.
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// Number of a master key; new objects are sealed under the newest epoch, old ones stay readable.
pub type KeyEpoch = u32;

// BLAKE3 derive-key contexts: constants, never built from data (BLAKE3 documentation, `derive_key`).
const CONTEXT_CHUNK_ID: &str = "icecore 2026-11-20 v1 chunk id";
const CONTEXT_NODE_ID: &str = "icecore 2026-11-20 v1 manifest node id";
const CONTEXT_GEAR: &str = "icecore 2026-11-20 v1 chunker gear table";
const CONTEXT_BORDER: &str = "icecore 2026-11-20 v1 manifest node border";
const CONTEXT_SEAL_HEADER: &str = "icecore 2026-11-20 v1 seal repository header";
const CONTEXT_SEAL_DATA: &str = "icecore 2026-11-20 v1 seal data pack";
const CONTEXT_SEAL_MANIFEST: &str = "icecore 2026-11-20 v1 seal manifest pack";
const CONTEXT_SEAL_DIRECTORY: &str = "icecore 2026-11-20 v1 seal pack directory";
const CONTEXT_SEAL_SNAPSHOT: &str = "icecore 2026-11-20 v1 seal snapshot";
const CONTEXT_SEAL_LOG: &str = "icecore 2026-11-20 v1 seal log record";
const CONTEXT_SEAL_INDEX: &str = "icecore 2026-11-20 v1 seal index object";
const CONTEXT_SEAL_COLLECTION: &str = "icecore 2026-11-30 v1 seal collection record";
// Not part of the repository format: hosts use it to seal their local records.
const CONTEXT_SEAL_BUNDLE: &str = "icecore 2026-11-30 v1 seal local bundle";

/// All keys of an unlocked repository.
///
/// Ids, gear table and node borders always come from the first epoch (changing them would end deduplication);
/// sealing uses the newest epoch.
#[derive(Clone)]
pub struct Keys {
    repository: RepositoryId,
    masters: BTreeMap<KeyEpoch, Secret>,
    chunk_id: Secret,
    node_id: Secret,
    border: Secret,
    gear: Box<[u64; 256]>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Keys").field("repository", &self.repository).finish_non_exhaustive()
    }
}

fn derive(context: &'static str, master: &Secret) -> Secret {
    Secret::new(blake3::derive_key(context, master.expose()))
}

impl Keys {
    /// Derives all keys of a repository from its master keys, by epoch.
    ///
    /// Fails if the master key of epoch 0 is missing.
    pub fn derive(repository: RepositoryId, masters: BTreeMap<KeyEpoch, Secret>) -> FormatResult<Self> {
        let Some(first) = masters.get(&0) else {
            return Err(FormatError::malformed("key slot", "it does not contain the first master key"));
        };
        let mut gear = Box::new([0u64; 256]);
        let mut bytes = Zeroizing::new([0u8; 256 * 8]);
        blake3::Hasher::new_derive_key(CONTEXT_GEAR)
            .update(first.expose())
            .finalize_xof()
            .fill(bytes.as_mut());
        for (word, part) in gear.iter_mut().zip(bytes.chunks_exact(8)) {
            let mut array = [0; 8];
            array.copy_from_slice(part);
            *word = u64::from_le_bytes(array);
        }
        Ok(Self {
            repository,
            chunk_id: derive(CONTEXT_CHUNK_ID, first),
            node_id: derive(CONTEXT_NODE_ID, first),
            border: derive(CONTEXT_BORDER, first),
            gear,
            masters,
        })
    }

    /// Returns the repository that the keys belong to.
    pub fn repository(&self) -> RepositoryId {
        self.repository
    }

    /// Returns the newest epoch, under which new objects are sealed.
    pub fn newest_epoch(&self) -> KeyEpoch {
        self.masters.keys().next_back().copied().unwrap_or_default()
    }

    /// Returns the master keys by epoch, for writing another key slot.
    pub fn masters(&self) -> &BTreeMap<KeyEpoch, Secret> {
        &self.masters
    }

    /// Returns the gear table of the chunker.
    pub fn gear(&self) -> &[u64; 256] {
        &self.gear
    }

    /// Returns the id of a data chunk.
    pub fn chunk_id(&self, content: &[u8]) -> ChunkId {
        ChunkId::of(&blake3::keyed_hash(self.chunk_id.expose(), content))
    }

    /// Returns the id of a manifest node or chunk-list node from its raw bytes (which begin with the type of
    /// the node, so one kind is never mistaken for another).
    pub fn node_id(&self, raw: &[u8]) -> ChunkId {
        ChunkId::of(&blake3::keyed_hash(self.node_id.expose(), raw))
    }

    /// Returns the id of a chunk in a pack of the given kind.
    pub fn id_for_kind(&self, kind: ObjectKind, content: &[u8]) -> ChunkId {
        if kind == ObjectKind::Manifest { self.node_id(content) } else { self.chunk_id(content) }
    }

    /// Returns 32 keyed bits that decide whether a manifest node of `level` ends after `path`.
    pub fn border_bits(&self, level: u8, path: &[u8]) -> u32 {
        let mut hasher = blake3::Hasher::new_keyed(self.border.expose());
        hasher.update(&[level]).update(path);
        let hash = hasher.finalize();
        let bytes = hash.as_bytes();
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    /// Returns the key from which the keys of objects of `kind` are derived.
    pub(crate) fn seal_key(&self, kind: ObjectKind, epoch: KeyEpoch) -> FormatResult<Secret> {
        let context = match kind {
            ObjectKind::Header => CONTEXT_SEAL_HEADER,
            ObjectKind::Data => CONTEXT_SEAL_DATA,
            ObjectKind::Manifest => CONTEXT_SEAL_MANIFEST,
            ObjectKind::Directory => CONTEXT_SEAL_DIRECTORY,
            ObjectKind::Snapshot => CONTEXT_SEAL_SNAPSHOT,
            ObjectKind::Log => CONTEXT_SEAL_LOG,
            ObjectKind::Index => CONTEXT_SEAL_INDEX,
            ObjectKind::Collection => CONTEXT_SEAL_COLLECTION,
            ObjectKind::Bundle => CONTEXT_SEAL_BUNDLE,
        };
        let Some(master) = self.masters.get(&epoch) else {
            return Err(FormatError::UnknownEpoch { epoch });
        };
        Ok(derive(context, master))
    }
}

#[cfg(test)]
mod tests;
