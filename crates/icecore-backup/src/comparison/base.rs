//! The base: an earlier snapshot, whose manifest is read alongside the walk.

use std::sync::Arc;

use icecore_format::{
    entry::{Content, Entry},
    path,
    snapshot::Snapshot,
};
use icecore_repo::{
    error::RepoResult,
    manifest::{ChunkListReader, LeafIdentity, ManifestCursor, ManifestRoot},
    reader::ChunkReader,
    session::WriteSession,
};

use super::{changes::Rules, moved::MovedDirectories};

/// The snapshot that a walk is compared with, and the position in its manifest.
pub(crate) struct Base<'a> {
    reader: &'a ChunkReader,
    cursor: ManifestCursor<'a>,
    moved: MovedDirectories<'a>,
    /// Rules for differences from it.
    pub rules: Rules,
}

impl<'a> Base<'a> {
    /// Begins before the first entry of a snapshot; none if it is not complete.
    pub fn new(reader: &'a ChunkReader, snapshot: &Snapshot, rules: Rules) -> Option<Self> {
        let root = ManifestRoot::of(snapshot)?;
        let cursor = ManifestCursor::new(reader, &root);
        let moved = MovedDirectories::new(reader, root);
        Some(Self { reader, cursor, moved, rules: rules.against(snapshot) })
    }

    /// Moves up to `path` and returns its entry; counts the entries on the way.
    pub fn advance_to(&mut self, path: &[u8], passed: &mut u64) -> RepoResult<Option<Entry>> {
        loop {
            let Some(next) = self.cursor.peek()? else { return Ok(None) };
            let order = path::compare(&next.path, path);
            if order.is_gt() {
                return Ok(None);
            }
            let entry = self.cursor.next()?;
            if order.is_eq() {
                return Ok(entry);
            }
            *passed += 1;
        }
    }

    /// Returns the leaf of the entry returned last, and the entry's number in it.
    pub fn leaf_position(&self) -> Option<(Arc<LeafIdentity>, usize)> {
        self.cursor.leaf_position()
    }

    /// Returns the entry of an object in a moved directory; call it in the order of the walk.
    pub fn find_moved(&mut self, entry: &Entry) -> RepoResult<Option<Entry>> {
        self.moved.find(entry)
    }

    /// Moves past the last entry; counts the entries on the way.
    pub fn skip_to_end(&mut self, passed: &mut u64) -> RepoResult<()> {
        while self.cursor.next()?.is_some() {
            *passed += 1;
        }
        Ok(())
    }

    /// Returns whether the repository has all chunks of a file.
    pub fn has_chunks(&self, file: &Entry, session: &WriteSession<'_>) -> bool {
        match &file.content {
            Content::Inline(chunks) => chunks.iter().all(|chunk| session.has_chunk(&chunk.id)),
            Content::List(_) => self.has_listed_chunks(&file.content, session).unwrap_or(false),
        }
    }

    /// Returns whether a long chunk list can be read and all its chunks exist: a list may have outlived them.
    fn has_listed_chunks(&self, content: &Content, session: &WriteSession<'_>) -> RepoResult<bool> {
        let mut list = ChunkListReader::new(self.reader, content);
        while let Some(chunk) = list.next()? {
            if !chunk.is_hole() && !session.has_chunk(&chunk.id) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
