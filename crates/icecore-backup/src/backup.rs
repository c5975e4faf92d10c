//! The run of a backup from its request to its report.

use std::{sync::Arc, time::Duration};

use icecore_catalog::Catalog;
use icecore_format::snapshot::LeftOut;
use icecore_fs::walk::Suspects;
use icecore_repo::{
    buffers::Buffers,
    manifest::ManifestRoot,
    reader::ChunkReader,
    repository::Repository,
    session::{CommitReport, SessionOrigin, WriteSession},
    snapshots,
};

use crate::{
    clocks,
    comparison::{base::Base, changes::Rules},
    dry_run,
    empty::{refuse_empty_root, refuse_missing_object},
    error::BackupResult,
    events::{BackupEvents, BackupNotice, SourceProblem},
    input::Input,
    levels::{RunPlan, plan_run},
    pipeline::{self, TreeRead},
    problems::Problems,
    reading::chunk_tools::ChunkTools,
    report::{BackupCounts, BackupReport},
    request::{BackupRequest, BackupSource},
    sink::Sink,
    stream,
    tally::Tally,
    tree_walk::{TreeWalk, left_out, walk_options},
};

/// Opened blocks of the base's manifest that are kept, in bytes.
const BASE_CACHE_BYTES: usize = 24 << 20;

/// Backs up one source.
///
/// The report lists everything in the source that could not be read; an error means that there is no new
/// snapshot.
pub fn backup(
    repository: &Repository,
    catalog: &mut Catalog,
    request: BackupRequest,
    events: &dyn BackupEvents,
) -> BackupResult<BackupReport> {
    let started = repository.environment().monotonic();
    let input = Input::prepare(&request)?;
    let list = match &request.snapshots {
        Some(list) => Arc::clone(list),
        None => Arc::new(snapshots::list(repository, catalog)?),
    };
    let mut plan = plan_run(&list, &request.name, &request.host, request.level, request.dedup);
    plan.notices.extend(clocks::behind_newest(&list, &request, repository.environment().now()));
    plan.notices.iter().for_each(|notice| events.notice(notice));
    let base = plan.base.as_ref();
    events.started(
        plan.level,
        base.map(|base| base.origin.run),
        base.and_then(|base| base.completion()).map(|completion| completion.totals),
    );
    if request.dry_run {
        return dry_run::dry_run(repository, catalog, &request, &input, plan, events);
    }
    let origin = session_origin(&request, &input, &plan, list.next_sequence(&request.name));
    let mut session = WriteSession::begin(repository.clone(), catalog, origin, request.write)?;
    if let Some(notice) = clocks::differs_from_store(&session) {
        events.notice(&notice);
        plan.notices.push(notice);
    }
    match read_source(&mut session, request, &input, &plan, events) {
        Ok(read) => commit(repository, session, plan, read, started),
        Err(error) => {
            if let Err(abort_error) = session.abort(&error.to_string()) {
                tracing::debug!(error = %abort_error, "the run could not be marked as aborted");
            }
            Err(error)
        }
    }
}

fn session_origin(request: &BackupRequest, input: &Input, plan: &RunPlan, sequence: u64) -> SessionOrigin {
    SessionOrigin {
        source: request.name.clone(),
        host: request.host.clone(),
        root: input.root.clone(),
        command: input.command.clone(),
        level: plan.level,
        dedup: plan.dedup,
        group: plan.group,
        base: plan.base.as_ref().map(|base| base.origin.run),
        tags: request.tags.clone(),
        program: request.program.clone(),
        sequence,
        copied: None,
    }
}

/// A source that has been read into a session, with the root of its manifest.
struct SourceRead {
    root: ManifestRoot,
    counts: BackupCounts,
    problems: Problems,
    notices: Vec<BackupNotice>,
    left_out: LeftOut,
    /// Granularity of the source's times in nanoseconds; 0 if there are none.
    time_granularity: u64,
}

fn read_source(
    session: &mut WriteSession<'_>,
    request: BackupRequest,
    input: &Input,
    plan: &RunPlan,
    events: &dyn BackupEvents,
) -> BackupResult<SourceRead> {
    let repository = session.repository().clone();
    let tools = ChunkTools {
        keys: Arc::clone(repository.keys()),
        chunker: repository.chunker()?,
        segment_buffers: Buffers::default(),
    };
    let reader = ChunkReader::new(repository, Arc::clone(session.index()), BASE_CACHE_BYTES);
    let rules = Rules::new(request.ignored, session.origin().started);
    let sink = Sink::new(session, events, Arc::new(tools));
    let base = plan.base.as_ref().and_then(|base| Base::new(&reader, base, rules));
    let options = walk_options(&request);
    let mut left_out = left_out(&request);
    let (entries, time_granularity) = match request.source {
        BackupSource::Tree { path } => {
            let mut walk = TreeWalk::start(&path, input.directory, options)?;
            let read = pipeline::run(&mut walk, base, request.read_concurrency, sink);
            let TreeRead { mut entries, suspects, time_granularity } =
                read.map_err(|error| error.below(&path))?;
            close_walk(&walk, suspects, &mut entries.tally, &mut left_out);
            (entries, time_granularity)
        }
        BackupSource::Stream { file_name, input: bytes, finish, .. } => {
            (stream::store(sink, input.allow_empty, file_name, bytes, finish)?, 0)
        }
    };
    let (root, tally) = entries.finish()?;
    refuse_missing_object(input, root.totals)?;
    refuse_empty_root(input, plan, root.totals)?;
    let Tally { counts, problems, notices, .. } = tally;
    Ok(SourceRead { root, counts, problems, notices, left_out, time_granularity })
}

/// After a walk has ended, notes what it left out, and what disappeared meanwhile.
fn close_walk(walk: &TreeWalk, suspects: Suspects, tally: &mut Tally<'_>, left_out: &mut LeftOut) {
    (tally.counts.excluded, tally.counts.vanished) = walk.left_out(tally.counts.vanished);
    left_out.paths = walk.skipped();
    for path in walk.gone(suspects) {
        // Noticed after its entry was written: nothing is known to be absent below it.
        left_out.paths.push(path.clone());
        tally.problem(SourceProblem::Gone { path });
    }
    left_out.paths.sort();
    left_out.paths.dedup();
}

/// Makes the snapshot complete and reports what was done since `started`.
fn commit(
    repository: &Repository,
    session: WriteSession<'_>,
    plan: RunPlan,
    read: SourceRead,
    started: Duration,
) -> BackupResult<BackupReport> {
    let SourceRead { root, counts, problems, notices, left_out, time_granularity } = read;
    let elapsed = || repository.environment().monotonic().saturating_sub(started);
    let duration_read = elapsed();
    let group = session.origin().group;
    let report = CommitReport {
        errors: problems.total(),
        left_out: Some(left_out),
        statistics: counts.statistics(),
        time_granularity,
        note: String::new(),
    };
    let (snapshot, written) = session.commit(&root, &report)?;
    let counts = BackupCounts {
        chunks_new: written.chunks_new,
        bytes_new: written.bytes_new,
        bytes_compressed: written.bytes_compressed,
        bytes_stored: written.bytes_stored,
        ..counts
    };
    Ok(BackupReport {
        snapshot: Some(snapshot),
        level: plan.level,
        dedup: plan.dedup,
        group: Some(group),
        base: plan.base.map(|base| base.origin.run),
        totals: root.totals,
        counts,
        problems,
        notices: plan.notices.into_iter().chain(notices).collect(),
        duration_read,
        duration: elapsed(),
    })
}

#[cfg(test)]
mod tests;
