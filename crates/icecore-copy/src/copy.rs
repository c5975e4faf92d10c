//! The run of a copy from its request to its report.

use std::{sync::Arc, time::Duration};

use crossbeam_channel::{Receiver, bounded};
use icecore_format::{entry::EntryKind, seal::ObjectKind, snapshot::Completion};
use icecore_repo::{
    manifest::{ChunkListWriter, ManifestRoot, ManifestWriter},
    reader::ChunkReader,
    session::{CommitReport, CopiedSnapshot, SessionOrigin, WriteSession},
};

use crate::{
    error::{CopyError, CopyResult},
    gather::{CopiedChunk, EntryEnd, Gatherer, READER_CACHE_BYTES, Window},
    known::KnownChunks,
    request::{CopyCounts, CopyEvents, CopyProgress, CopyReport, CopyRequest, CopyTarget},
    similar::Similar,
};

/// Windows that have been read and not yet written, besides the one being written and the one being read.
const WINDOWS_AHEAD: usize = 1;
/// Opened blocks of manifests of the destination that are kept, in bytes.
const TARGET_CACHE_BYTES: usize = 16 << 20;
/// Progress is reported at most this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Bytes of opened blocks that the reader for [`copy_snapshot`] should keep.
pub const SOURCE_CACHE_BYTES: usize = READER_CACHE_BYTES;

/// Copies one snapshot into another repository.
///
/// If any part of a snapshot cannot be read, it is not copied at all.
pub fn copy_snapshot(
    source: &ChunkReader,
    target: CopyTarget<'_>,
    request: &CopyRequest<'_>,
    known: &mut KnownChunks,
    events: &dyn CopyEvents,
) -> CopyResult<CopyReport> {
    let CopyTarget { repository: target, catalog, continuation } = target;
    let started = target.environment().monotonic();
    let completion = request.snapshot.completion().ok_or(CopyError::Incomplete)?;
    if let Some(mark) = completion.damage {
        return Err(CopyError::Marked { files: mark.files });
    }
    let fetched = source.bytes_fetched();
    let origin = session_origin(source, request);
    // After a failure, the next copy asks the store again.
    let before = std::mem::take(continuation);
    let mut session = WriteSession::begin_after(target.clone(), catalog, before, origin, request.write)
        .map_err(CopyError::Target)?;
    match run(source, &mut session, request, known, events) {
        Ok((root, counts)) => {
            let report = commit_report(completion);
            let (snapshot, written, after) =
                session.commit_and_continue(&root, &report).map_err(CopyError::Target)?;
            *continuation = after;
            let counts = CopyCounts {
                bytes_fetched: source.bytes_fetched().saturating_sub(fetched),
                chunks_new: written.chunks_new,
                bytes_new: written.bytes_new,
                bytes_compressed: written.bytes_compressed,
                bytes_stored: written.bytes_stored,
                ..counts
            };
            let duration = target.environment().monotonic().saturating_sub(started);
            Ok(CopyReport { snapshot, counts, duration })
        }
        Err(error) => {
            if let Err(abort_error) = session.abort(&error.to_string()) {
                tracing::debug!(error = %abort_error, "the run could not be marked as aborted");
            }
            Err(error)
        }
    }
}

fn session_origin(source: &ChunkReader, request: &CopyRequest<'_>) -> SessionOrigin {
    let origin = &request.snapshot.origin;
    let identity = origin.identity(source.repository().id());
    SessionOrigin {
        source: origin.source.clone(),
        host: origin.host.clone(),
        root: origin.root.clone(),
        command: origin.command.clone(),
        level: origin.level,
        dedup: origin.dedup,
        group: request.plan.group,
        base: request.plan.base,
        tags: origin.tags.clone(),
        program: request.program.clone(),
        sequence: origin.sequence,
        copied: Some(CopiedSnapshot { identity, started: origin.started }),
    }
}

/// The backup's findings about its source stay, and so does the note; the session adds the facts about the
/// repository. A hold is of one repository, and is not copied.
fn commit_report(completion: &Completion) -> CommitReport {
    let Completion { errors, statistics, left_out, time_granularity, note, .. } = completion;
    CommitReport {
        errors: *errors,
        left_out: left_out.clone(),
        statistics: *statistics,
        time_granularity: *time_granularity,
        note: note.clone(),
    }
}

/// Reads on a separate thread, writes on this one.
fn run(
    source: &ChunkReader,
    session: &mut WriteSession<'_>,
    request: &CopyRequest<'_>,
    known: &mut KnownChunks,
    events: &dyn CopyEvents,
) -> CopyResult<(ManifestRoot, CopyCounts)> {
    let root = ManifestRoot::of(request.snapshot).ok_or(CopyError::Incomplete)?;
    let target = session.repository().clone();
    let reader = ChunkReader::new(target.clone(), Arc::clone(session.index()), TARGET_CACHE_BYTES);
    let pair = request.plan.similar.as_ref();
    let (sender, windows) = bounded(WINDOWS_AHEAD);
    let gatherer = Gatherer {
        source,
        keys: Arc::clone(target.keys()),
        index: Arc::clone(session.index()),
        known,
        similar: pair.and_then(|pair| Similar::new(source, &reader, pair)),
        fetch_concurrency: request.fetch_concurrency,
        windows: sender,
        archived: None,
    };
    let manifest = ManifestWriter::new(target.header().parameters.node_items);
    let mut writer = Writer {
        session,
        manifest,
        list: ChunkListWriter::default(),
        counts: CopyCounts::default(),
        progress: CopyProgress::default(),
        reported: Duration::ZERO,
        events,
    };
    std::thread::scope(|scope| {
        let gathering = scope.spawn(|| gatherer.run(&root));
        let written = writer.take_all(windows);
        let gathered = gathering.join().unwrap_or(Err(CopyError::StageLost { stage: "read" }));
        // The first failure is the reason; the other side only notices that the first has ended.
        written.and(gathered)
    })?;
    let Writer { session, manifest, counts, .. } = writer;
    let copied = manifest.finish(session).map_err(CopyError::Target)?;
    if copied.totals != root.totals {
        let (found, expected) = (copied.totals.entries, root.totals.entries);
        return Err(CopyError::Totals { found, expected });
    }
    Ok((copied, counts))
}

/// The end of the pipeline: chunks go into the session, entries into the manifest.
struct Writer<'a, 'c> {
    session: &'a mut WriteSession<'c>,
    manifest: ManifestWriter,
    /// Chunks of the file whose entry has not arrived yet.
    list: ChunkListWriter,
    counts: CopyCounts,
    progress: CopyProgress,
    reported: Duration,
    events: &'a dyn CopyEvents,
}

impl Writer<'_, '_> {
    /// Takes windows until there are no more.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "after an error the sender must see that nobody receives"
    )]
    fn take_all(&mut self, windows: Receiver<Window>) -> CopyResult<()> {
        windows.iter().try_for_each(|window| self.take(window))
    }

    fn take(&mut self, window: Window) -> CopyResult<()> {
        self.counts.chunks_read += window.chunks_read;
        self.counts.bytes_read += window.bytes_read;
        for piece in window.pieces {
            for chunk in piece.chunks {
                self.add_chunk(chunk)?;
            }
            if let Some(end) = piece.end {
                self.end_entry(*end)?;
            }
        }
        self.report();
        self.session.refresh_if_due().map_err(CopyError::Target)
    }

    fn add_chunk(&mut self, chunk: CopiedChunk) -> CopyResult<()> {
        let chunk = match chunk {
            CopiedChunk::Stored(chunk) => chunk,
            CopiedChunk::Read(chunk, content) => {
                self.session.add_chunk(ObjectKind::Data, chunk.id, &content).map_err(CopyError::Target)?;
                chunk
            }
        };
        self.progress.bytes += u64::from(chunk.length);
        self.list.push(self.session, chunk).map_err(CopyError::Target)
    }

    fn end_entry(&mut self, end: EntryEnd) -> CopyResult<()> {
        let EntryEnd { mut entry, user, group } = end;
        entry.content = std::mem::take(&mut self.list).finish(self.session).map_err(CopyError::Target)?;
        self.manifest
            .push(self.session, &entry, user.as_deref(), group.as_deref())
            .map_err(CopyError::Target)?;
        if entry.kind == EntryKind::File {
            self.progress.files += 1;
            self.progress.bytes += entry.hole_bytes();
        }
        self.progress.path = entry.path;
        self.report();
        Ok(())
    }

    fn report(&mut self) {
        let now = self.session.repository().environment().monotonic();
        if now.saturating_sub(self.reported) >= PROGRESS_EVERY {
            self.reported = now;
            self.progress.bytes_stored = self.session.statistics().bytes_stored;
            self.events.progress(&self.progress);
        }
    }
}

#[cfg(test)]
mod tests;
