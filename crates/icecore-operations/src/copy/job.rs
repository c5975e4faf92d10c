//! The copies of all snapshots of one command.

use std::time::Duration;

use icecore_access::{OpenRepository, s3};
use icecore_copy::{
    CopyError, CopyReport as SnapshotReport, CopyRequest as SnapshotRequest, CopyTarget, KnownChunks,
    SOURCE_CACHE_BYTES, TargetSnapshots, copy_snapshot, plan_copy,
};
use icecore_format::snapshot::Snapshot;
use icecore_repo::{
    reader::ChunkReader,
    repository::Repository,
    session::{Continuation, WriteOptions},
    snapshots::SnapshotList,
};
use icecore_witness::Watch;

use super::{CopyOutcome, CopyReport, CopyRequest, CopySide, CopySink, NotCopied, SnapshotCopy};
use crate::{
    archived::{self, Bucket},
    error::{OperationError, OperationResult},
    reading::{self, Reading},
};

/// Threads that fetch blocks.
const FETCH_THREADS: usize = 8;
/// Copies are added to the log together, at the latest after this time. If a command is killed before that,
/// the next command that writes there adds them.
const NAMED_EVERY: Duration = Duration::from_mins(5);

/// State that the copies of all snapshots of one command share.
pub(super) struct Job<'a> {
    pub(super) from: CopySide<'a>,
    pub(super) to: CopySide<'a>,
    pub(super) request: &'a CopyRequest,
    /// The source repository.
    pub(super) source: Repository,
    pub(super) list: &'a SnapshotList,
    /// Snapshots of the destination, by the identity of their originals.
    pub(super) copies: TargetSnapshots,
    pub(super) known: KnownChunks,
    pub(super) watch: Watch,
    /// When copies were last added to the log.
    pub(super) named: Duration,
    pub(super) destination: Destination,
}

/// The destination.
pub(super) struct Destination {
    open: OpenRepository,
    continuation: Continuation,
}

impl From<OpenRepository> for Destination {
    fn from(open: OpenRepository) -> Self {
        Self { open, continuation: Continuation::default() }
    }
}

/// Reports the result for a snapshot, and adds it to the report.
pub(super) fn add(
    report: &mut CopyReport,
    copy: SnapshotCopy,
    sink: &mut dyn CopySink,
) -> OperationResult<()> {
    sink.snapshot(&copy).map_err(OperationError::Output)?;
    report.snapshots.push(copy);
    Ok(())
}

impl Job<'_> {
    /// Copies the snapshots that the destination does not have.
    pub(super) fn run(
        mut self,
        from: &mut OpenRepository,
        chosen: &[&Snapshot],
        report: &mut CopyReport,
        sink: &mut dyn CopySink,
    ) -> OperationResult<()> {
        let access = self.from.access;
        let missing: Vec<&Snapshot> =
            chosen.iter().copied().filter(|snapshot| self.is_wanted(snapshot)).collect();
        let reader = if missing.is_empty() || self.request.is_dry_run {
            None
        } else {
            Some(from.reader(access.events.as_ref(), &missing, SOURCE_CACHE_BYTES)?)
        };
        for snapshot in chosen.iter().copied() {
            if access.machine.is_cancelled() {
                break;
            }
            let (outcome, goes_on) = self.outcome(from, reader.as_ref(), snapshot, sink);
            add(report, SnapshotCopy { snapshot: snapshot.clone(), outcome }, sink)?;
            if !goes_on {
                break;
            }
        }
        if let Some(reader) = &reader {
            let bucket = Bucket::of(access, from.s3.as_deref());
            report.archived_packs = archived::documents(bucket.as_ref(), &reader.archived_packs());
            sink.archived(&report.archived_packs);
        }
        self.end();
        report.is_destination_alarmed = self.watch.is_alarmed();
        Ok(())
    }

    /// Returns the copy of a snapshot that the destination already has.
    fn present(&self, snapshot: &Snapshot) -> Option<&Snapshot> {
        self.copies.find(snapshot.origin.identity(self.source.id()))
    }

    /// Returns whether the destination forgot the copy of a snapshot that was not named.
    fn is_forgotten(&self, snapshot: &Snapshot) -> bool {
        !self.request.selection.is_named()
            && self.copies.is_forgotten(snapshot.origin.identity(self.source.id()))
    }

    fn is_wanted(&self, snapshot: &Snapshot) -> bool {
        self.present(snapshot).is_none() && !self.is_forgotten(snapshot)
    }

    /// Copies a snapshot, unless it is already there or this is a dry run. Also returns whether the next one
    /// can be copied.
    fn outcome(
        &mut self,
        from: &mut OpenRepository,
        reader: Option<&ChunkReader>,
        snapshot: &Snapshot,
        sink: &dyn CopySink,
    ) -> (CopyOutcome, bool) {
        if let Some(copy) = self.present(snapshot) {
            return (CopyOutcome::Present { copy: Box::new(copy.clone()) }, true);
        }
        if self.is_forgotten(snapshot) {
            return (CopyOutcome::Forgotten, true);
        }
        let Some(reader) = reader else { return (CopyOutcome::Planned, true) };
        let run = snapshot.origin.run;
        let access = self.from.access;
        let reading = Reading::new(access, from, "copy");
        match reading.hold_while(&[run], || self.copy(reader, snapshot, sink)) {
            Ok(report) => (CopyOutcome::Copied(Box::new(report)), true),
            Err(error) => {
                let goes_on = error.is_damaged_snapshot() || error.is_archived();
                let error = reading::explained(from, run, NotCopied::Snapshot { run, error }.into());
                (CopyOutcome::Failed(Box::new(error)), goes_on)
            }
        }
    }

    fn write_options(&self) -> WriteOptions {
        let CopyRequest { compression_level, pack_bytes, .. } = *self.request;
        WriteOptions { compression_level, pack_bytes, continues: true, ..WriteOptions::default() }
    }

    /// Copies one snapshot.
    fn copy(
        &mut self,
        reader: &ChunkReader,
        snapshot: &Snapshot,
        sink: &dyn CopySink,
    ) -> Result<SnapshotReport, CopyError> {
        let plan = plan_copy(self.source.id(), self.list, &self.copies, snapshot);
        let request = SnapshotRequest {
            snapshot,
            plan,
            program: self.from.access.machine.program.clone(),
            write: self.write_options(),
            fetch_concurrency: FETCH_THREADS,
        };
        let progress = sink.progress(snapshot);
        let Destination { open: OpenRepository { repository, catalog, .. }, continuation } =
            &mut self.destination;
        let into = CopyTarget { repository, catalog, continuation };
        let copied = copy_snapshot(reader, into, &request, &mut self.known, progress.as_ref());
        drop(progress);
        let report = copied?;
        self.copies.add(report.snapshot.clone());
        self.watch.add(&report.snapshot);
        self.name_if_due();
        Ok(report)
    }

    fn name_if_due(&mut self) {
        let to = &mut self.destination.open;
        let now = self.from.access.machine.environment.monotonic();
        if now.saturating_sub(self.named) >= NAMED_EVERY {
            self.named = now;
            self.watch.completed(&to.repository, Some(&mut to.catalog), None);
        }
    }

    /// Adds the remaining copies to the log, and saves what was seen.
    fn end(&mut self) {
        let to = &mut self.destination.open;
        if !self.request.is_dry_run {
            self.watch.completed(&to.repository, Some(&mut to.catalog), None);
        }
        self.watch.save(&to.repository);
        if let Some(s3) = &to.s3 {
            s3::clean_up(self.to.access, s3);
            s3::remember_speed(self.to.access, s3, &mut to.catalog);
        }
    }
}
