//! All packs that have a directory, and their chunks.

use std::sync::Arc;

use icecore_format::{
    directory::PackDirectory,
    ids::{ChunkId, GroupId, PackName},
    layout::PackPlace,
    seal::ObjectKind,
};

use crate::table::{ChunkRow, ChunkTable};

/// How a pack was found in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PackState {
    /// It has the length in its directory.
    Present,
    /// It has another length, given in bytes.
    WrongSize(u64),
    /// It does not exist, or cannot be read at all.
    Missing,
    /// It was deleted during the check, together with its directory.
    Vanished,
}

/// A pack that has a directory.
#[derive(Clone, Debug)]
pub(crate) struct PackRecord {
    /// Name.
    pub(crate) name: PackName,
    /// Data or manifest.
    pub(crate) kind: ObjectKind,
    /// Group.
    pub(crate) group: GroupId,
    /// Length in bytes, according to the directory.
    pub(crate) bytes: u64,
    /// Length of the directory object in bytes.
    pub(crate) directory_bytes: u64,
    /// Number of blocks.
    pub(crate) blocks: u32,
    /// The directory: kept for packs of manifest nodes, and while there is room, for other packs to be read.
    pub(crate) directory: Option<Arc<PackDirectory>>,
    /// How the pack was found.
    pub(crate) state: PackState,
    /// Whether every block of the pack has been opened; the table marks those that do not open.
    pub(crate) was_read: bool,
}

impl PackRecord {
    /// Returns where the pack belongs.
    pub(crate) fn place(&self) -> PackPlace {
        PackPlace::of(self.kind, self.group)
    }

    /// Returns the key of the pack.
    pub(crate) fn key(&self) -> String {
        self.place().key(self.name)
    }

    /// Returns whether blocks of the pack count as readable unless they are marked.
    ///
    /// A pack with a wrong length is not trusted until its blocks have been opened. Blocks with manifest
    /// nodes are always opened.
    fn is_trusted(&self) -> bool {
        match self.state {
            PackState::Present => true,
            PackState::WrongSize(_) => self.was_read || self.kind == ObjectKind::Manifest,
            PackState::Missing | PackState::Vanished => false,
        }
    }
}

/// Whether a chunk that something refers to can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    /// At least one copy can be read.
    Present,
    /// The packs with these numbers hold it, and all these copies are damaged.
    Lost(Vec<u32>),
    /// There are copies, but none has the expected length.
    WrongLength(u32),
    /// It is in no directory.
    Missing,
}

/// All packs that have a directory, by number, and all chunks.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    /// Packs.
    pub(crate) packs: Vec<PackRecord>,
    /// Chunks.
    pub(crate) table: ChunkTable,
}

impl Inventory {
    fn pack(&self, row: &ChunkRow) -> &PackRecord {
        &self.packs[row.pack() as usize]
    }

    /// Returns whether a copy of a chunk counts as readable.
    pub(crate) fn is_readable(&self, row: &ChunkRow) -> bool {
        !row.is_lost() && self.pack(row).is_trusted()
    }

    /// Returns whether a chunk of this kind, id and length can be read.
    pub(crate) fn locate(&self, kind: ObjectKind, id: &ChunkId, length: u32) -> Availability {
        let mut lost = Vec::new();
        let mut other_length = None;
        for row in self.table.copies(kind, id) {
            if row.length() != length {
                other_length = Some(row.length());
            } else if self.is_readable(row) {
                return Availability::Present;
            } else if self.pack(row).state != PackState::Vanished {
                lost.push(row.pack());
            }
        }
        match (lost.is_empty(), other_length) {
            (false, _) => Availability::Lost(lost),
            (true, Some(length)) => Availability::WrongLength(length),
            (true, None) => Availability::Missing,
        }
    }

    /// Returns the numbers of the packs that hold a node, readable or not.
    pub(crate) fn packs_of_node(&self, id: &ChunkId) -> Vec<u32> {
        let rows = self.table.copies(ObjectKind::Manifest, id);
        rows.filter(|row| self.pack(row).state != PackState::Vanished).map(ChunkRow::pack).collect()
    }

    /// Returns whether a pack of `group` holds the chunk.
    pub(crate) fn is_in_group(&self, kind: ObjectKind, id: &ChunkId, group: GroupId) -> bool {
        self.table.copies(kind, id).any(|row| self.pack(row).group == group)
    }
}
