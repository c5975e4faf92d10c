//! The run of a backup from its request to its report.

use std::{collections::BTreeSet, os::unix::ffi::OsStrExt, path::Path, sync::Arc, time::Duration};

use crossbeam_channel::bounded;
use icecore_catalog::Catalog;
use icecore_format::{
    entry::{Entry, EntryKind, Time},
    limits::LEFT_OUT_ITEMS_MAX,
    path,
    snapshot::{LeftOut, Snapshot, SnapshotStatistics},
};
use icecore_fs::{
    entry::EntryKind as FsKind,
    error::FsError,
    names::{GroupNames, UserNames, process_owner},
    stat_root,
    walk::{Suspects, Walk, WalkItem, WalkOptions},
};
use icecore_repo::{
    buffers::Buffers,
    error::RepoError,
    manifest::{ManifestCursor, ManifestRoot, ManifestWriter},
    reader::ChunkReader,
    repository::Repository,
    session::{CommitReport, SessionOrigin, WriteSession},
    snapshots,
};

use crate::{
    changes::Rules,
    clocks, dry_run,
    empty::{refuse_empty_root, refuse_empty_stream, refuse_missing_object},
    error::{BackupError, BackupResult},
    granularity::Granularity,
    job::ChunkTools,
    levels::{RunPlan, plan_run},
    links::Links,
    moved::MovedDirectories,
    pipeline::{self, Base},
    problems::Problems,
    request::{
        BackupCounts, BackupEvents, BackupNotice, BackupProgress, BackupReport, BackupRequest, BackupSource,
        SourceProblem,
    },
    sink::Sink,
    streaming::{self, SEGMENTS_AHEAD},
};

/// Opened blocks of the base's manifest that are kept, in bytes.
const BASE_CACHE_BYTES: usize = 24 << 20;

/// Backs one source up.
///
/// Whatever cannot be read of the source is listed in the report; an error means that there is no new snapshot.
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
    let group = session.origin().group;
    match run(&mut session, request, &input, &plan, events) {
        Ok(done) => {
            let environment = repository.environment();
            let duration_read = environment.monotonic().saturating_sub(started);
            let (level, dedup, base) = (plan.level, plan.dedup, plan.base.map(|base| base.origin.run));
            let report = CommitReport {
                errors: done.problems.total(),
                left_out: Some(done.left_out),
                statistics: statistics(&done.counts),
                time_granularity: done.time_granularity,
            };
            let (snapshot, written) = session.commit(&done.root, &report)?;
            let counts = BackupCounts {
                chunks_new: written.chunks_new,
                bytes_new: written.bytes_new,
                bytes_compressed: written.bytes_compressed,
                bytes_stored: written.bytes_stored,
                ..done.counts
            };
            Ok(BackupReport {
                snapshot: Some(snapshot),
                level,
                dedup,
                group: Some(group),
                base,
                totals: done.root.totals,
                counts,
                problems: done.problems,
                notices: plan.notices.into_iter().chain(done.notices).collect(),
                duration_read,
                duration: environment.monotonic().saturating_sub(started),
            })
        }
        Err(error) => {
            if let Err(abort_error) = session.abort(&error.to_string()) {
                tracing::debug!(error = %abort_error, "the run could not be marked as aborted");
            }
            Err(error)
        }
    }
}

/// What is to be read, as far as it can be known before anything is written.
pub(crate) struct Input {
    /// Root as it is recorded.
    pub root: Vec<u8>,
    /// The root is a directory.
    pub directory: bool,
    /// It may be empty.
    pub allow_empty: bool,
    pub command: Vec<String>,
}

impl Input {
    fn prepare(request: &BackupRequest) -> BackupResult<Self> {
        let allow_empty = request.allow_empty;
        match &request.source {
            BackupSource::Tree { path } => {
                let directory = stat_root(path, true)?.kind == FsKind::Directory;
                let real = path.canonicalize().map_err(|source| {
                    FsError::new("find the real path of", path.as_os_str().as_bytes(), source)
                })?;
                let root = real.as_os_str().as_bytes().to_vec();
                Ok(Self { root, directory, allow_empty, command: Vec::new() })
            }
            BackupSource::Stream { file_name, command, .. } => {
                let one_component = !file_name.is_empty() && !file_name.contains(&b'/');
                if !one_component || path::validate(file_name).is_err() || file_name.len() > 255 {
                    let name = String::from_utf8_lossy(file_name).into_owned();
                    return Err(BackupError::StreamName { name });
                }
                let (root, command) = (file_name.clone(), command.clone());
                Ok(Self { root, directory: false, allow_empty, command })
            }
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

fn statistics(counts: &BackupCounts) -> SnapshotStatistics {
    SnapshotStatistics {
        files_new: counts.files_new,
        files_changed: counts.files_changed,
        files_unchanged: counts.files_unchanged,
        bytes_read: counts.bytes_read,
        chunks_read: counts.chunks_read,
        ..SnapshotStatistics::default()
    }
}

/// What a run has put into the session.
struct Done {
    root: ManifestRoot,
    counts: BackupCounts,
    problems: Problems,
    left_out: LeftOut,
    notices: Vec<BackupNotice>,
    /// Granularity of the source's times in nanoseconds; 0 if there are none.
    time_granularity: u64,
}

fn run(
    session: &mut WriteSession<'_>,
    request: BackupRequest,
    input: &Input,
    plan: &RunPlan,
    events: &dyn BackupEvents,
) -> BackupResult<Done> {
    let repository = session.repository().clone();
    let tools = ChunkTools {
        keys: Arc::clone(repository.keys()),
        chunker: repository.chunker()?,
        segment_buffers: Buffers::default(),
    };
    let reader = ChunkReader::new(repository.clone(), Arc::clone(session.index()), BASE_CACHE_BYTES);
    let sink = Sink {
        manifest: ManifestWriter::new(repository.header().parameters.node_items),
        session,
        events,
        users: load_names(UserNames::load(), "/etc/passwd").unwrap_or_default(),
        groups: load_names(GroupNames::load(), "/etc/group").unwrap_or_default(),
        counts: BackupCounts::default(),
        problems: Problems::default(),
        progress: BackupProgress::default(),
        reported: Duration::ZERO,
        tools: Arc::new(tools),
        links: Links::default(),
        granularity: Granularity::default(),
        leaf: None,
        refused: None,
        suspects: Suspects::default(),
    };
    let rules = rules(&request, sink.session.origin().started);
    let base = plan.base.as_ref().and_then(|base| base_of(&reader, base, rules));
    let options = walk_options(&request);
    let mut left_out = left_out(&request);
    let (mut sink, notices) = match request.source {
        BackupSource::Tree { path } => {
            let mut walk = TreeWalk::start(&path, input.directory, options)?;
            let run = pipeline::run(&mut walk, base, request.read_concurrency, sink);
            let end = run.map_err(|error| error.below(&path))?;
            let mut sink = end.sink;
            sink.end()?;
            (sink.counts.excluded, sink.counts.vanished) = walk.left_out(sink.counts.vanished);
            left_out.paths = walk.skipped();
            for path in walk.gone(std::mem::take(&mut sink.suspects)) {
                // Found out after its entry was written: nothing is known to be absent below it.
                left_out.paths.push(path.clone());
                sink.problem(SourceProblem::Gone { path });
            }
            left_out.paths.sort();
            left_out.paths.dedup();
            (sink, end.notices)
        }
        BackupSource::Stream { file_name, input: stream, finish, .. } => {
            (take_stream(sink, input.allow_empty, file_name, stream, finish)?, Vec::new())
        }
    };
    sink.end()?;
    let Sink { manifest, session, counts, problems, granularity, .. } = sink;
    let time_granularity = granularity.coarsest();
    let root = manifest.finish(session)?;
    refuse_missing_object(input, root.totals)?;
    refuse_empty_root(input, plan, root.totals)?;
    Ok(Done { root, counts, problems, left_out, notices, time_granularity })
}

fn load_names<T>(names: std::io::Result<T>, file: &'static str) -> Option<T> {
    names.inspect_err(|error| tracing::warn!(file, %error, "owners are stored by number only")).ok()
}

fn base_of<'a>(reader: &'a ChunkReader, base: &Snapshot, rules: Rules) -> Option<Base<'a>> {
    let root = ManifestRoot::of(base)?;
    let cursor = ManifestCursor::new(reader, &root);
    Some(Base { reader, cursor, moved: MovedDirectories::new(reader, root), rules: rules.against(base) })
}

/// Returns how a run that is begun now compares.
pub(crate) fn rules(request: &BackupRequest, started: Time) -> Rules {
    Rules { started, ignored: request.ignored, ..Rules::default() }
}

pub(crate) fn walk_options(request: &BackupRequest) -> WalkOptions {
    WalkOptions {
        concurrency: request.walk_concurrency,
        excludes: request.excludes.clone(),
        exclude_caches: request.exclude_caches,
        one_file_system: request.one_file_system,
        skip: request.skip.clone(),
        ..WalkOptions::default()
    }
}

/// Says what the run does not look at, as far as that is known before.
fn left_out(request: &BackupRequest) -> LeftOut {
    LeftOut {
        patterns: request.excludes.patterns().to_vec(),
        caches: request.exclude_caches,
        other_file_systems: request.one_file_system,
        ..LeftOut::default()
    }
}

/// The walk of a directory, or the one object that the source is.
pub(crate) enum TreeWalk {
    Directory(Walk),
    Single(Option<Vec<WalkItem>>),
}

impl TreeWalk {
    pub fn start(root: &Path, directory: bool, options: WalkOptions) -> BackupResult<Self> {
        Ok(if directory {
            Self::Directory(Walk::start(root, options)?)
        } else {
            Self::Single(Some(vec![WalkItem::Entry(Walk::single(root, true)?)]))
        })
    }

    /// Returns the paths of what was left out wholly, sorted.
    pub fn skipped(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Directory(walk) => walk.skipped(LEFT_OUT_ITEMS_MAX),
            Self::Single(_) => Vec::new(),
        }
    }

    /// Returns the directories that were moved or removed meanwhile; `suspects` are those in which objects vanished.
    pub fn gone(&self, suspects: Suspects) -> BTreeSet<Vec<u8>> {
        match self {
            Self::Directory(walk) => walk.gone(suspects),
            // The directory that holds the one object is not part of the source.
            Self::Single(_) => BTreeSet::new(),
        }
    }

    /// Returns how many objects were excluded, and how many vanished in all.
    pub fn left_out(&self, vanished: u64) -> (u64, u64) {
        match self {
            Self::Directory(walk) => (walk.counts().excluded, vanished + walk.counts().vanished),
            Self::Single(_) => (0, vanished),
        }
    }
}

impl Iterator for TreeWalk {
    type Item = Vec<WalkItem>;

    fn next(&mut self) -> Option<Vec<WalkItem>> {
        match self {
            Self::Directory(walk) => walk.next(),
            Self::Single(item) => item.take(),
        }
    }
}

/// Stores a stream as the only file of a snapshot.
fn take_stream<'a, 'c>(
    mut sink: Sink<'a, 'c>,
    allow_empty: bool,
    file_name: Vec<u8>,
    mut input: Box<dyn std::io::Read + Send>,
    finish: Box<dyn FnOnce() -> Result<(), String> + Send>,
) -> BackupResult<Sink<'a, 'c>> {
    let (sender, segments) = bounded(SEGMENTS_AHEAD);
    let tools = Arc::clone(&sink.tools);
    // Not a scoped thread: when the run is interrupted, nobody waits for a stream that may never end.
    let thread = std::thread::spawn(move || streaming::read_stream(input.as_mut(), &sender, &tools));
    let chunks = sink.take_input(&segments)?;
    drop(segments);
    let bytes = match thread.join() {
        Ok(Ok(length)) => length,
        Ok(Err(source)) => return Err(BackupError::Stream { source }),
        Err(_) => return Err(BackupError::StageLost { stage: "read" }),
    };
    finish().map_err(|reason| BackupError::Command { reason })?;
    // A command that failed says more than its empty output.
    refuse_empty_stream(allow_empty, bytes)?;
    let now = sink.session.repository().environment().now();
    let mut entry = Entry::new(file_name, EntryKind::File);
    (entry.mode, entry.modified, entry.changed) = (0o600, now, now);
    (entry.user_id, entry.group_id) = process_owner();
    sink.push_input(entry, chunks)?;
    Ok(sink)
}

impl BackupError {
    /// Names the root in an error about it, whose path is empty there.
    pub(crate) fn below(self, root: &Path) -> Self {
        match self {
            Self::Source(FsError { operation, path, source }) if path.is_empty() => {
                Self::Source(FsError::new(operation, root.as_os_str().as_bytes(), source))
            }
            other => other,
        }
    }

    /// Says whether the run was interrupted.
    pub fn is_interrupted(&self) -> bool {
        matches!(self, Self::Repository(RepoError::Interrupted))
    }
}

#[cfg(test)]
mod tests;
