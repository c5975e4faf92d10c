//! Turns bytes into chunks.

use std::sync::Arc;

use icecore_format::{chunker::Chunker, entry::ChunkRef, keys::Keys};
use icecore_repo::buffers::Buffers;

/// Tools of the readers for turning bytes into chunks.
#[derive(Debug)]
pub(crate) struct ChunkTools {
    /// Keys, for ids.
    pub keys: Arc<Keys>,
    /// Chunker.
    pub chunker: Chunker,
    /// Buffers for the segments of long files.
    pub segment_buffers: Buffers,
}

impl ChunkTools {
    /// Cuts a whole content into chunks.
    pub fn cut_all(&self, content: &[u8]) -> Vec<ChunkRef> {
        let mut chunks = Vec::new();
        let mut rest = content;
        while !rest.is_empty() {
            let (chunk, remaining) = rest.split_at(self.chunker.cut(rest));
            chunks.push(ChunkRef { id: self.keys.chunk_id(chunk), length: chunk.len() as u32 });
            rest = remaining;
        }
        chunks
    }
}
