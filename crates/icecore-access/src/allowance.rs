//! How much may be done at a time.

/// A pack takes one part in this many of the memory that is left at most, …
const PACK_SHARE: u64 = 8;
/// … or so many bytes, if that is more.
const PACK_BYTES_MIN: u64 = 64 << 20;
/// Most threads for one purpose where anything is scarce.
const SCARCE_THREADS_MAX: usize = 4;

/// What may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Threads that compute.
    pub workers: usize,
    /// Calls of a local store at a time.
    pub store_calls: usize,
    /// Whether anything is scarce.
    pub is_scarce: bool,
    /// Memory that is left, in bytes; none if it is not limited.
    pub memory_bytes: Option<u64>,
}

impl Allowance {
    /// Returns how many threads to start for something, of which `wanted` would be good.
    pub fn bound(&self, wanted: usize) -> usize {
        if self.is_scarce { wanted.min(SCARCE_THREADS_MAX) } else { wanted }
    }

    /// Returns how long packs may be, of which `wanted` bytes would be good: several of them are in memory.
    pub fn bound_pack(&self, wanted: u64) -> u64 {
        match self.memory_bytes {
            Some(left) => wanted.min((left / PACK_SHARE).max(PACK_BYTES_MIN)),
            None => wanted,
        }
    }

    /// Returns the number of threads that compute; zero if it need not be said.
    pub fn workers_if_scarce(&self) -> usize {
        if self.is_scarce { self.workers } else { 0 }
    }
}
