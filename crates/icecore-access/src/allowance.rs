//! How many resources may be used at the same time.

/// A pack takes at most this fraction (one divided by this) of the remaining memory.
const PACK_SHARE: u64 = 8;
/// A pack may always have this many bytes.
const PACK_BYTES_MIN: u64 = 64 << 20;
/// Maximum number of threads for one purpose if any resource is scarce.
const SCARCE_THREADS_MAX: usize = 4;

/// Resources that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Threads for computation.
    pub workers: usize,
    /// Concurrent calls of a local store.
    pub store_calls: usize,
    /// Whether any resource is scarce.
    pub is_scarce: bool,
    /// Remaining memory in bytes; none if it is not limited.
    pub memory_bytes: Option<u64>,
}

impl Allowance {
    /// Returns how many threads to start for one purpose; `wanted` is the ideal number.
    pub fn bound(&self, wanted: usize) -> usize {
        if self.is_scarce { wanted.min(SCARCE_THREADS_MAX) } else { wanted }
    }

    /// Returns the length of packs; `wanted` is the ideal number of bytes. Several packs are in memory.
    pub fn bound_pack(&self, wanted: u64) -> u64 {
        match self.memory_bytes {
            Some(left) => wanted.min((left / PACK_SHARE).max(PACK_BYTES_MIN)),
            None => wanted,
        }
    }

    /// Returns the number of threads for computation; zero if the default is fine.
    pub fn workers_if_scarce(&self) -> usize {
        if self.is_scarce { self.workers } else { 0 }
    }
}
