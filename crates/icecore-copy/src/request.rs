//! Request of a copy, its events and its result.

use std::time::Duration;

use icecore_catalog::Catalog;
use icecore_format::snapshot::Snapshot;
use icecore_repo::{
    repository::Repository,
    session::{Continuation, WriteOptions},
};

use crate::plan::CopyPlan;

/// Request of a copy.
#[derive(Debug)]
pub struct CopyRequest<'a> {
    /// Complete snapshot of the source repository.
    pub snapshot: &'a Snapshot,
    /// Basis of the copy.
    pub plan: CopyPlan,
    /// Program and version.
    pub program: String,
    /// How packs are written.
    pub write: WriteOptions,
    /// Threads that fetch blocks.
    pub fetch_concurrency: usize,
}

/// The destination of a copy.
#[derive(Debug)]
pub struct CopyTarget<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// Its catalogue.
    pub catalog: &'a mut Catalog,
    /// State that the copies of one command pass on to each other; empty for the first copy, and after a
    /// failed one.
    pub continuation: &'a mut Continuation,
}

/// Progress of a copy; the numbers never decrease.
#[derive(Clone, Debug, Default)]
pub struct CopyProgress {
    /// Files that are finished.
    pub files: u64,
    /// Bytes of the files that are finished.
    pub bytes: u64,
    /// Bytes that have been uploaded.
    pub bytes_stored: u64,
    /// Path of the last finished entry.
    pub path: Vec<u8>,
}

/// Receives the events of a copy; called from the copy's own thread.
pub trait CopyEvents: Sync {
    /// Some work was done; called several times a second.
    fn progress(&self, progress: &CopyProgress);
}

/// Counts of one copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyCounts {
    /// Data chunks that had to be read, because it was not known whether the destination has them.
    pub chunks_read: u64,
    /// Their bytes, before compression.
    pub bytes_read: u64,
    /// Bytes that were fetched from the source repository, including nodes of its manifest.
    pub bytes_fetched: u64,
    /// Data chunks that the destination did not have.
    pub chunks_new: u64,
    /// Their bytes before compression.
    pub bytes_new: u64,
    /// Their bytes after compression.
    pub bytes_compressed: u64,
    /// Bytes of everything that was uploaded.
    pub bytes_stored: u64,
}

/// Result of a copy.
#[derive(Debug)]
pub struct CopyReport {
    /// The snapshot in the destination.
    pub snapshot: Snapshot,
    /// Counts of chunks and bytes.
    pub counts: CopyCounts,
    /// Duration of the whole run.
    pub duration: Duration,
}
