//! A run of a writer: deduplicates chunks, fills blocks and packs, uploads them, and commits the snapshot
//! last.

mod adoption;
mod assembly;
mod collections_seen;
mod continuation;
mod filler;
mod options;
mod origin;
mod packer;
mod stages;
mod upload;

use std::{sync::PoisonError, time::Duration};

use icecore_catalog::{Catalog, StoredSnapshot};
use icecore_format::{
    entry::Time,
    ids::{ChunkId, RunId},
    seal::ObjectKind,
    snapshot::{Completion, LeftOut, Snapshot, SnapshotOrigin, SnapshotState, SnapshotStatistics},
};

use self::{
    assembly::Assembler,
    continuation::{Known, Prepared},
    origin::pending_snapshot,
    packer::Packer,
};
pub use self::{
    continuation::Continuation,
    options::WriteOptions,
    origin::{CopiedSnapshot, SessionOrigin},
};
use crate::{
    compaction::{self, UNINDEXED_MAX},
    error::{RepoError, RepoResult},
    lease::Lease,
    manifest_root::ManifestRoot,
    reader::SharedIndex,
    repository::Repository,
};

/// What the engine adds to the statistics when it commits.
#[derive(Clone, Debug, Default)]
pub struct CommitReport {
    /// Number of objects of the source that could not be read, or not in one consistent state.
    pub errors: u64,
    /// What the run left out, as far as it knows.
    pub left_out: Option<LeftOut>,
    /// What the run did; the session fills in the parts that it knows.
    pub statistics: SnapshotStatistics,
    /// Granularity of the source's times in nanoseconds, measured or assumed; 0 if it is not known.
    pub time_granularity: u64,
    /// What is noted about the snapshot; empty if nothing.
    pub note: String,
}

/// Counts of what a session has written so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteStatistics {
    /// Data chunks that were new.
    pub chunks_new: u64,
    /// Their bytes before compression.
    pub bytes_new: u64,
    /// Bytes of all uploaded objects.
    pub bytes_stored: u64,
    /// Number of uploaded objects.
    pub objects_stored: u64,
    /// Bytes of finished data blocks as stored.
    pub bytes_compressed: u64,
}

/// Difference between this machine's clock and the store's, if a run happens to see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockDifference {
    /// Time of this machine when the store received the run's snapshot.
    pub here: Time,
    /// Time of the store at that moment.
    pub store: Time,
}

impl ClockDifference {
    /// Returns how far the clocks are apart.
    pub fn distance(&self) -> Duration {
        let nanoseconds = self.here.as_nanoseconds().abs_diff(self.store.as_nanoseconds());
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }
}

/// A run of a writer, from the pending snapshot to the complete one.
///
/// Dropping it without [`Self::commit`] or [`Self::abort`] leaves the same as a killed process: garbage,
/// never damage.
#[derive(Debug)]
pub struct WriteSession<'c> {
    repository: Repository,
    catalog: &'c mut Catalog,
    index: SharedIndex,
    lease: Lease,
    known: Known,
    started: Duration,
    clock_difference: Option<ClockDifference>,
    data: Assembler,
    manifest: Assembler,
    packer: Packer,
    chunks_new: u64,
    bytes_new: u64,
}

impl<'c> WriteSession<'c> {
    /// Announces the run, brings the index up to date and starts the pipeline.
    ///
    /// The pending snapshot is written before anything is read that the run relies on (decision 0024): a
    /// collection that condemns packs later waits for the run, so the commit need not look for such packs.
    ///
    /// # Panics
    /// When the pack size is outside [`WriteOptions::PACK_BYTES_RANGE`].
    pub fn begin(
        repository: Repository,
        catalog: &'c mut Catalog,
        origin: SessionOrigin,
        options: WriteOptions,
    ) -> RepoResult<Self> {
        Self::begin_after(repository, catalog, Continuation::default(), origin, options)
    }

    /// Does the same as [`Self::begin`] after another session of the same command, and does not ask the store
    /// again for what that session knew, unless a collection has begun, changed or ended since then.
    ///
    /// # Panics
    /// When the pack size is outside [`WriteOptions::PACK_BYTES_RANGE`].
    pub fn begin_after(
        repository: Repository,
        catalog: &'c mut Catalog,
        continuation: Continuation,
        origin: SessionOrigin,
        options: WriteOptions,
    ) -> RepoResult<Self> {
        assert!(
            WriteOptions::PACK_BYTES_RANGE.contains(&options.pack_bytes),
            "pack size is checked by the caller"
        );
        let environment = repository.environment().clone();
        environment.proceed()?;
        if repository.header().read_only {
            return Err(RepoError::NewerMaintenance);
        }
        let now = environment.now();
        let started = origin.copied.map_or(now, |copied| copied.started);
        let snapshot = pending_snapshot(environment.run_id_at(started), now, started, origin);
        let mut lease = Lease::announce(repository.clone(), snapshot)?;
        match Prepared::prepare(&repository, catalog, continuation, &lease, options) {
            Ok(prepared) => Ok(Self::assemble(repository, catalog, lease, prepared)),
            Err(error) => {
                lease.give_up(&error);
                Err(error)
            }
        }
    }

    fn assemble(repository: Repository, catalog: &'c mut Catalog, lease: Lease, prepared: Prepared) -> Self {
        let block_bytes = repository.header().parameters.block_bytes as usize;
        Self {
            started: repository.environment().monotonic(),
            repository,
            catalog,
            index: prepared.index,
            lease,
            known: prepared.known,
            clock_difference: prepared.clock_difference,
            data: Assembler::new(ObjectKind::Data, block_bytes, prepared.packer.block_buffers()),
            manifest: Assembler::new(ObjectKind::Manifest, block_bytes, prepared.packer.block_buffers()),
            packer: prepared.packer,
            chunks_new: 0,
            bytes_new: 0,
        }
    }

    /// Returns the repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Returns the name of the run.
    pub fn run(&self) -> RunId {
        self.lease.snapshot().origin.run
    }

    /// Returns what is known about the snapshot so far.
    pub fn origin(&self) -> &SnapshotOrigin {
        &self.lease.snapshot().origin
    }

    /// Returns the difference between the clocks, if a listing happened to show it.
    pub fn clock_difference(&self) -> Option<ClockDifference> {
        self.clock_difference
    }

    /// Returns the index, for reading what earlier runs have written.
    pub fn index(&self) -> &SharedIndex {
        &self.index
    }

    /// Returns whether the repository already has a chunk.
    pub fn has_chunk(&self, id: &ChunkId) -> bool {
        self.index.read().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    /// Adds a chunk unless the repository has it; returns whether it was new.
    ///
    /// Waits while too many uploads are in progress; fails if an upload has failed.
    ///
    /// # Panics
    /// When the chunk is empty or longer than the format allows.
    pub fn add_chunk(&mut self, kind: ObjectKind, id: ChunkId, content: &[u8]) -> RepoResult<bool> {
        if !self.index.write().unwrap_or_else(PoisonError::into_inner).insert_pending(id) {
            return Ok(false);
        }
        let assembler = if kind == ObjectKind::Data { &mut self.data } else { &mut self.manifest };
        if kind == ObjectKind::Data {
            self.chunks_new += 1;
            self.bytes_new += content.len() as u64;
        }
        if let Some(block) = assembler.push(id, content) {
            self.packer.submit(block)?;
            self.take_uploaded();
        }
        Ok(true)
    }

    /// Hands directories of uploaded packs to the catalogue.
    fn take_uploaded(&mut self) {
        let uploaded = self.packer.take_uploaded();
        self.known.add(&uploaded);
        if !uploaded.is_empty()
            && let Err(error) = self.catalog.add_directories(&uploaded)
        {
            // No run fails because of a cache; the next one fetches the missing directories.
            tracing::warn!(%error, "the new packs could not be added to the catalogue");
        }
    }

    /// Refreshes the pending snapshot, a sign that the run is alive, if it is due; call this regularly.
    pub fn refresh_if_due(&mut self) -> RepoResult<()> {
        self.repository.environment().proceed()?;
        self.lease.refresh_if_due()
    }

    /// Returns what has been written so far.
    pub fn statistics(&self) -> WriteStatistics {
        let uploaded = self.packer.counts();
        WriteStatistics {
            chunks_new: self.chunks_new,
            bytes_new: self.bytes_new,
            bytes_stored: uploaded.bytes_stored,
            objects_stored: uploaded.objects_stored,
            bytes_compressed: uploaded.bytes_compressed,
        }
    }

    /// Waits until everything that was added is durable in the store.
    fn flush(&mut self) -> RepoResult<()> {
        // Full packs of either kind are already being uploaded. All must be durable before the commit.
        for assembler in [&mut self.data, &mut self.manifest] {
            if let Some(block) = assembler.take() {
                self.packer.submit(block)?;
            }
        }
        self.packer.flush()?;
        self.take_uploaded();
        Ok(())
    }

    /// Makes the snapshot complete: it can be restored afterwards, and does not exist before.
    ///
    /// Returns the snapshot, and what was written for it. If this fails, the run is marked as aborted if
    /// possible.
    pub fn commit(
        self,
        root: &ManifestRoot,
        report: &CommitReport,
    ) -> RepoResult<(Snapshot, WriteStatistics)> {
        self.commit_and_continue(root, report).map(|(snapshot, written, _)| (snapshot, written))
    }

    /// Does the same as [`Self::commit`], and returns what the next session can reuse, if the options say
    /// that one follows.
    pub fn commit_and_continue(
        mut self,
        root: &ManifestRoot,
        report: &CommitReport,
    ) -> RepoResult<(Snapshot, WriteStatistics, Continuation)> {
        match self.complete(root, report) {
            Ok(written) => Ok((self.lease.into_snapshot(), written, Continuation::new(self.known))),
            Err(error) => {
                self.lease.give_up(&error);
                Err(error)
            }
        }
    }

    fn complete(&mut self, root: &ManifestRoot, report: &CommitReport) -> RepoResult<WriteStatistics> {
        self.flush()?;
        if !self.has_chunk(&root.node) {
            return Err(RepoError::MissingChunk { id: root.node });
        }
        let environment = self.repository.environment();
        environment.proceed()?;
        let written = self.statistics();
        let statistics = SnapshotStatistics {
            bytes_new: written.bytes_new,
            chunks_new: written.chunks_new,
            bytes_stored: written.bytes_stored,
            duration_milliseconds: environment.monotonic().saturating_sub(self.started).as_millis() as u64,
            ..report.statistics
        };
        let completion = Completion {
            finished: environment.now(),
            root_node: root.node,
            root_level: root.level,
            totals: root.totals,
            errors: report.errors,
            condemned_epoch: self.known.collections.newest,
            statistics,
            damage: None,
            left_out: report.left_out.clone().map(LeftOut::bounded),
            time_granularity: report.time_granularity,
            hold: None,
            note: report.note.clone(),
        };
        self.lease.replace(SnapshotState::Complete(completion))?;
        self.remember_snapshot();
        self.index_objects();
        Ok(written)
    }

    /// Writes index objects if many objects are in none.
    fn index_objects(&mut self) {
        if self.known.unindexed < UNINDEXED_MAX {
            return;
        }
        match compaction::compact(&self.repository, UNINDEXED_MAX) {
            Ok(_) => self.known.unindexed = 0,
            // They only save requests for others. The next run tries again.
            Err(error) => tracing::info!(%error, "no index object could be written"),
        }
    }

    /// Hands the snapshot to the catalogue, so that the next run does not have to fetch it.
    fn remember_snapshot(&mut self) {
        let (version, object) = self.lease.stop();
        let stored = StoredSnapshot { run: self.run(), version: version.0, object };
        if let Err(error) = self.catalog.put_snapshots(&[stored]) {
            tracing::debug!(%error, "the snapshot could not be added to the catalogue");
        }
    }

    /// Ends the run without a snapshot; uploads everything that was added first, so that the next run finds
    /// it.
    pub fn abort(mut self, reason: &str) -> RepoResult<()> {
        // Many runs are aborted because of a failed upload; the state of the run is still written.
        if let Err(error) = self.flush() {
            tracing::debug!(%error, "some data could not be kept for the next run");
        }
        self.lease.abort(reason)
    }
}

#[cfg(test)]
mod tests;
