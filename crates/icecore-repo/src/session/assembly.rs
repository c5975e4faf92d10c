//! Collects chunks into blocks.

use icecore_format::{directory::ChunkInfo, ids::ChunkId, limits::CHUNK_BYTES_MAX, seal::ObjectKind};

use crate::buffers::Buffers;

/// A full block that waits for compression.
#[derive(Debug)]
pub(super) struct FullBlock {
    pub kind: ObjectKind,
    pub plain: Vec<u8>,
    pub chunks: Vec<ChunkInfo>,
}

/// Collects chunks of one kind until a block is full.
#[derive(Debug)]
pub(super) struct Assembler {
    kind: ObjectKind,
    block_bytes: usize,
    buffers: Buffers,
    plain: Vec<u8>,
    chunks: Vec<ChunkInfo>,
}

impl Assembler {
    pub fn new(kind: ObjectKind, block_bytes: usize, buffers: Buffers) -> Self {
        Self { kind, block_bytes, buffers, plain: Vec::new(), chunks: Vec::new() }
    }

    /// Adds a chunk; returns the block when it is full.
    pub fn push(&mut self, id: ChunkId, content: &[u8]) -> Option<FullBlock> {
        assert!(
            (1..=CHUNK_BYTES_MAX as usize).contains(&content.len()),
            "a chunk is neither empty nor longer than the format allows"
        );
        if self.plain.capacity() == 0 {
            self.plain = self.buffers.take();
            self.plain.reserve(self.block_bytes + self.block_bytes / 2);
        }
        self.plain.extend_from_slice(content);
        self.chunks.push(ChunkInfo { id, length: content.len() as u32 });
        if self.plain.len() >= self.block_bytes { self.take() } else { None }
    }

    /// Returns the chunks collected so far, if any.
    pub fn take(&mut self) -> Option<FullBlock> {
        if self.chunks.is_empty() {
            return None;
        }
        let (plain, chunks) = (std::mem::take(&mut self.plain), std::mem::take(&mut self.chunks));
        Some(FullBlock { kind: self.kind, plain, chunks })
    }
}
