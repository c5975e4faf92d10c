//! A snapshot that was copied before, read alongside its copy: files with the same chunks have the same
//! chunks in the copy.

use icecore_format::{entry::Content, snapshot::Snapshot};
use icecore_repo::{
    error::RepoResult,
    manifest::{ChunkListReader, ManifestCursor, ManifestRoot},
    reader::ChunkReader,
};

use crate::known::KnownChunks;

/// A snapshot in the source repository, and its copy in the destination, read in parallel.
#[derive(Debug)]
pub(crate) struct Similar<'a> {
    source: &'a ChunkReader,
    target: &'a ChunkReader,
    cursors: [ManifestCursor<'a>; 2],
}

/// The content of one file in both.
#[derive(Debug)]
pub(crate) struct Counterpart {
    /// In the source repository.
    pub original: Content,
    /// In the destination.
    pub copy: Content,
}

impl<'a> Similar<'a> {
    /// Begins before the first entry; none if one of the two is not complete.
    pub fn new(
        source: &'a ChunkReader,
        target: &'a ChunkReader,
        pair: &(Snapshot, Snapshot),
    ) -> Option<Self> {
        let cursors = [
            ManifestCursor::new(source, &ManifestRoot::of(&pair.0)?),
            ManifestCursor::new(target, &ManifestRoot::of(&pair.1)?),
        ];
        Some(Self { source, target, cursors })
    }

    /// Returns the content of a file in both; call it in path order.
    pub fn find(&mut self, path: &[u8]) -> RepoResult<Option<Counterpart>> {
        let mut contents = [None, None];
        for (cursor, content) in self.cursors.iter_mut().zip(&mut contents) {
            cursor.seek(path)?;
            let entry = cursor.peek()?.filter(|entry| entry.path == path);
            *content = entry.map(|entry| entry.content.clone());
        }
        let [Some(original), Some(copy)] = contents else { return Ok(None) };
        Ok(Some(Counterpart { original, copy }))
    }

    /// Returns the chunks of a copy.
    pub fn copied_chunks(&self, copy: &Content) -> ChunkListReader<'a> {
        ChunkListReader::new(self.target, copy)
    }

    /// Learns the names of a file's chunks in both, while there is room for them.
    pub fn learn(&self, counterpart: &Counterpart, known: &mut KnownChunks) -> RepoResult<()> {
        let mut originals = ChunkListReader::new(self.source, &counterpart.original);
        let mut copies = ChunkListReader::new(self.target, &counterpart.copy);
        while !known.is_full()
            && let (Some(original), Some(copy)) = (originals.next()?, copies.next()?)
            && original.length == copy.length
        {
            if !original.is_hole() {
                known.insert(original.id, copy.id);
            }
        }
        Ok(())
    }
}
