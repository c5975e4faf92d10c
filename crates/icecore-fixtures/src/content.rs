//! Contents of files, and sizes to cut them into.

use icecore_format::chunker::ChunkerParameters;

/// Chunks so small that even few bytes have many chunks.
pub const SMALL_CHUNKS: ChunkerParameters =
    ChunkerParameters { minimum: 4 << 10, average: 16 << 10, maximum: 64 << 10 };

/// Returns bytes that do not compress or repeat, and are the same for the same `seed` (xorshift64*).
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
