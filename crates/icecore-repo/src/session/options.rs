//! How a session writes.

use std::num::NonZeroUsize;

use icecore_format::limits::PACK_BYTES_MAX;

/// Maximum number of bytes of small packs that are uploaded at the same time. A pack of a few MiB is too
/// short for several connections, so several packs are uploaded instead.
const SMALL_UPLOADS_BYTES: u64 = 32 << 20;
/// Maximum number of packs that are uploaded at the same time, however small they are.
const SMALL_UPLOADS_MAX: u64 = 8;

/// Maximum number of bytes of large packs that are uploaded at the same time; a longer pack is uploaded
/// alone. The pack that is being filled meanwhile needs the same memory again.
const LARGE_UPLOADS_BYTES: u64 = 128 << 20;

/// How a session writes.
#[derive(Clone, Copy, Debug)]
pub struct WriteOptions {
    /// zstd level of data blocks.
    pub compression_level: i32,
    /// Target length of data packs in bytes; packs of manifest nodes are at most a quarter of it.
    pub pack_bytes: u64,
    /// Whether each finished pack is decrypted, decompressed and hashed again before it is uploaded.
    pub verify: bool,
    /// Maximum number of packs that are uploaded at the same time, besides the one being filled; if absent,
    /// it depends on their length.
    pub uploads_max: Option<NonZeroUsize>,
    /// Whether another session follows and takes over what this one knows of the store.
    pub continues: bool,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self { compression_level: 3, pack_bytes: 64 << 20, verify: true, uploads_max: None, continues: false }
    }
}

impl WriteOptions {
    /// Smallest and largest target length of packs, in bytes.
    pub const PACK_BYTES_RANGE: std::ops::RangeInclusive<u64> = (1 << 20)..=(240 << 20);

    /// Returns how many packs may be uploaded at the same time: as many small ones as fit into
    /// [`SMALL_UPLOADS_BYTES`], else two, or as many as fit into [`LARGE_UPLOADS_BYTES`].
    pub(super) fn uploads(&self) -> NonZeroUsize {
        let large = (LARGE_UPLOADS_BYTES / self.pack_bytes).clamp(1, 2);
        let by_length = (SMALL_UPLOADS_BYTES / self.pack_bytes).clamp(large, SMALL_UPLOADS_MAX) as usize;
        self.uploads_max.or(NonZeroUsize::new(by_length)).unwrap_or(NonZeroUsize::MIN)
    }
}

const _: () = assert!(*WriteOptions::PACK_BYTES_RANGE.end() < PACK_BYTES_MAX);
