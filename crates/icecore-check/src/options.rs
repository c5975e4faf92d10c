//! How thorough a check is, and what it may use.

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use icecore_format::ids::PackName;

use icecore_format::history::SeenHistory;

use crate::error::CheckError;

/// Options of a check.
#[derive(Clone)]
pub struct CheckOptions {
    /// Reads every pack in full and opens every block.
    pub read_data: bool,
    /// Reads packs with this share of all their bytes, from 0 to 100: first those that were never verified,
    /// then those that were verified longest ago; `seed` decides among equals. Ignored if `read_data` is set.
    pub sample_percent: Option<f64>,
    /// Reads only packs that were last verified longer ago than this, or never: all of them, or as many as
    /// the sample allows. Ignored if `read_data` is set.
    pub within: Option<Duration>,
    /// When packs were last read in full and found intact, as far as the caller knows.
    pub verified: Arc<HashMap<PackName, SystemTime>>,
    /// Maximum number of concurrent store calls; 0 counts as 1.
    pub concurrency: usize,
    /// Maximum number of bytes of stored objects in memory. A single object is read even if it is larger. The
    /// chunk table (44 bytes for each chunk of the repository) comes on top. Pack directories that are needed
    /// again may use a sixteenth of it, and other objects an eighth.
    pub memory_bytes_max: u64,
    /// Whole objects that the caller has just read from the store, by their keys: they are not read again.
    pub fetched: Arc<[(String, Bytes)]>,
    /// Lists all of `meta/` once instead of each kind of objects: for stores where a request costs more than
    /// a long answer, and repositories with few objects.
    pub lists_together: bool,
    /// Wall-clock time, for the age of pending snapshots and of verifications.
    pub now: SystemTime,
    /// Unpredictable bytes that choose the sample.
    pub seed: [u8; 32],
    /// What the caller has seen of the repository before.
    pub seen: SeenHistory,
    /// Pool for CPU work; the global one if absent.
    pub pool: Option<Arc<rayon::ThreadPool>>,
}

impl CheckOptions {
    /// Makes the options of a check of the structure alone.
    pub fn new(now: SystemTime) -> Self {
        Self {
            read_data: false,
            sample_percent: None,
            within: None,
            verified: Arc::default(),
            concurrency: 16,
            memory_bytes_max: 136 << 20,
            fetched: Arc::default(),
            lists_together: false,
            now,
            seed: [0; 32],
            seen: SeenHistory::default(),
            pool: None,
        }
    }

    /// Returns the share of the packs' bytes to read, from 0 to 100.
    pub(crate) fn percent(&self) -> Result<f64, CheckError> {
        match self.sample_percent {
            _ if self.read_data => Ok(100.0),
            None if self.within.is_some() => Ok(100.0),
            None => Ok(0.0),
            Some(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
            Some(percent) => Err(CheckError::InvalidSample { percent }),
        }
    }
}

impl fmt::Debug for CheckOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CheckOptions")
            .field("read_data", &self.read_data)
            .field("sample_percent", &self.sample_percent)
            .field("within", &self.within)
            .field("concurrency", &self.concurrency)
            .field("memory_bytes_max", &self.memory_bytes_max)
            .finish_non_exhaustive()
    }
}
