//! What a copy is asked to do, and what it tells while and after it does it.

use std::time::Duration;

use icecore_catalog::Catalog;
use icecore_format::snapshot::Snapshot;
use icecore_repo::{
    repository::Repository,
    session::{Continuation, WriteOptions},
};

use crate::plan::CopyPlan;

/// What a copy is asked to do.
#[derive(Debug)]
pub struct CopyRequest<'a> {
    /// Complete snapshot of the repository that is copied from.
    pub snapshot: &'a Snapshot,
    /// What the copy is built upon.
    pub plan: CopyPlan,
    /// Program and version.
    pub program: String,
    /// How packs are written.
    pub write: WriteOptions,
    /// Threads that fetch blocks.
    pub fetch_concurrency: usize,
}

/// The repository that is copied into.
#[derive(Debug)]
pub struct CopyTarget<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// Its catalogue.
    pub catalog: &'a mut Catalog,
    /// What the copies of one command take over from each other; empty for the first one, and after one that
    /// failed.
    pub continuation: &'a mut Continuation,
}

/// How far a copy is; numbers only grow.
#[derive(Clone, Debug, Default)]
pub struct CopyProgress {
    /// Files that have been dealt with.
    pub files: u64,
    /// Bytes of the files that have been dealt with.
    pub bytes: u64,
    /// Bytes that have been uploaded.
    pub bytes_stored: u64,
    /// Path of the entry that was dealt with last.
    pub path: Vec<u8>,
}

/// Receives what happens during a copy; called from the copy's own thread.
pub trait CopyEvents: Sync {
    /// Some work was done; called several times a second.
    fn progress(&self, progress: &CopyProgress);
}

/// Counts of one copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyCounts {
    /// Data chunks that had to be read, because it was not known whether the other repository has them.
    pub chunks_read: u64,
    /// Their bytes, before compression.
    pub bytes_read: u64,
    /// Bytes that were fetched from the repository that is copied from, nodes of its manifest too.
    pub bytes_fetched: u64,
    /// Data chunks that the other repository did not have.
    pub chunks_new: u64,
    /// Their bytes before compression.
    pub bytes_new: u64,
    /// Their bytes after compression.
    pub bytes_compressed: u64,
    /// Bytes of everything that was uploaded.
    pub bytes_stored: u64,
}

/// What a copy did.
#[derive(Debug)]
pub struct CopyReport {
    /// The snapshot in the other repository.
    pub snapshot: Snapshot,
    /// Counts of chunks and bytes.
    pub counts: CopyCounts,
    /// Duration of the whole run.
    pub duration: Duration,
}
