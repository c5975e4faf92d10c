//! Makes the snapshots, one source after the other.

use std::{num::NonZeroUsize, path::Path, sync::Arc, thread};

use icecore_access::{AccessMode, OpenRepository, RepositoryAccess, creation, s3, unlock};
use icecore_backup::{
    backup,
    error::BackupError,
    report::BackupReport as EngineReport,
    request::{BackupRequest as EngineRequest, BackupSource},
};
use icecore_catalog::Catalog;
use icecore_repo::{repository::Repository, snapshots::SnapshotList};
use icecore_witness::{Watch, WitnessSettings};

use super::{
    BackupFault, BackupOptions, BackupReport, BackupRunEvents, BackupRunNotice, PreparedBackup, SourceKind,
    SourceReport, SourceRequest, SourceSettings, SourceSuccess, events::end_source, prepare::PreparedSource,
    stream,
};
use crate::{
    error::{OperationError, OperationResult},
    init::{self, CreatedDocument},
    losses, overlap,
};

/// Threads that list directories of network file systems: these answer late, but handle many requests at the
/// same time.
const NETWORK_WALK_THREADS: usize = 64;
/// Threads that read files of network file systems.
const NETWORK_READ_THREADS: usize = 64;

/// Backs up the sources. A failed source does not stop the others.
pub fn run(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    prepared: PreparedBackup,
    events: &dyn BackupRunEvents,
) -> OperationResult<BackupReport> {
    let PreparedBackup { mut sources, options } = prepared;
    let mut report = BackupReport::new(options.dry_run);
    let (mut open, created) = open_or_create(access, witness, &options)?;
    report.repository = Some((open.repository.id(), open.repository.store().location()));
    if let Some(created) = &created {
        events.created(created).map_err(OperationError::Output)?;
    }
    report.created = created;
    let host = options.host.clone().unwrap_or_else(|| access.machine.host.clone());
    let (mut watch, list) = Watch::begin(witness, &open.repository, &mut open.catalog)?;
    watch.tell();
    report.losses = losses::documents(&watch.findings(), &access.machine.zone);
    for source in &mut sources {
        check_root(&mut source.request, &list, &host, events);
    }
    let job = Job {
        access,
        events,
        options: &options,
        repository: open.repository.clone(),
        host,
        list: Arc::new(list),
    };
    let mut catalog = open.catalog;
    for source in sources {
        if access.machine.is_cancelled() {
            break;
        }
        let source = job.run(source, &mut catalog, &mut watch);
        end_source(&mut report, source, events)?;
    }
    if !options.dry_run {
        watch.completed(&job.repository, Some(&mut catalog), None);
    }
    watch.save(&job.repository);
    if watch.is_alarmed() {
        events.notice(&BackupRunNotice::RolledBack);
    }
    if let Some(s3) = &open.s3 {
        s3::clean_up(access, s3);
        s3::remember_speed(access, s3, &mut catalog);
    }
    report.usage = Some(open.usage);
    Ok(report)
}

/// Opens the repository; creates it if there is none and the request allows it.
fn open_or_create(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    options: &BackupOptions,
) -> OperationResult<(OpenRepository, Option<CreatedDocument>)> {
    if let Some(request) = &options.create
        && creation::is_missing(access)?
    {
        let created = init::run(access, witness, request)?;
        let document = CreatedDocument::from(&created);
        let open = access.with_catalog(created.repository, &created.store)?;
        return Ok((open, Some(document)));
    }
    let mode = if options.dry_run { AccessMode::Read } else { AccessMode::Write };
    let store = access.open_store(mode)?;
    let repository = unlock::unlock(access, &store)?;
    Ok((access.with_catalog(repository, &store)?, None))
}

/// Compares a source's root with that of the last snapshot with its name: two directories under one name
/// would alternate in the history.
fn check_root(source: &mut SourceRequest, list: &SnapshotList, host: &str, events: &dyn BackupRunEvents) {
    let Some(last) = list.latest_of(&source.name, host) else { return };
    let Some(root) = source.root() else { return };
    let last = &last.origin.root;
    if *last == root {
        return;
    }
    if source.name_given {
        events.notice(&BackupRunNotice::NewRoot { name: &source.name, last, root: &root });
        return;
    }
    let fault = BackupFault::OtherRoot { name: source.name.clone(), last: last.clone(), root };
    source.kind = SourceKind::Failed(fault.into());
}

/// State that the backups of all sources of one run share.
struct Job<'a> {
    access: &'a RepositoryAccess,
    events: &'a dyn BackupRunEvents,
    options: &'a BackupOptions,
    repository: Repository,
    host: String,
    /// Snapshots at the start of the run.
    list: Arc<SnapshotList>,
}

impl Job<'_> {
    fn run(&self, source: PreparedSource, catalog: &mut Catalog, watch: &mut Watch) -> SourceReport {
        let (shown, name) = (source.request.shown.clone(), source.request.name.clone());
        let ineffective = source.ineffective.clone();
        let result = self.back_up(source, catalog).map(|report| {
            if let Some(snapshot) = &report.snapshot {
                watch.completed(&self.repository, Some(catalog), Some(snapshot));
            }
            SourceSuccess { dry_run: self.options.dry_run, report, ineffective }
        });
        SourceReport { shown, name, result }
    }

    /// Backs up one source.
    fn back_up(&self, source: PreparedSource, catalog: &mut Catalog) -> OperationResult<EngineReport> {
        let shown = source.request.shown.clone();
        let request = self.request(source)?;
        let events = self.events.begin_source(&request.name.clone());
        match backup(&self.repository, catalog, request, events.as_ref()) {
            Ok(report) => Ok(report),
            Err(BackupError::Stream { .. }) if self.access.machine.is_cancelled() => {
                Err(OperationError::Interrupted)
            }
            Err(error) => Err(BackupFault::NoSnapshot { shown, source: Box::new(error) }.into()),
        }
    }

    /// Makes the request for the engine, and opens the source.
    fn request(&self, source: PreparedSource) -> OperationResult<EngineRequest> {
        let PreparedSource { request: SourceRequest { name, kind, settings, .. }, excludes, .. } = source;
        let SourceSettings { snapshot: settings, mut write, .. } = settings;
        let skip = match &kind {
            SourceKind::Tree { real, .. } => self.skip(real),
            _ => Vec::new(),
        };
        let (machine, options) = (&self.access.machine, self.options);
        let source = stream::open(kind, &machine.environment.cancelled, options.dry_run)?;
        let (walk_threads, read_threads) = match &source {
            BackupSource::Tree { path } => threads(path),
            BackupSource::Stream { .. } => (1, 1),
        };
        let read_threads = settings.read_concurrency.map_or(read_threads, NonZeroUsize::get);
        write.pack_bytes = machine.allowance.bound_pack(write.pack_bytes);
        Ok(EngineRequest {
            source,
            name,
            host: self.host.clone(),
            level: options.level,
            dedup: options.dedup,
            snapshots: Some(Arc::clone(&self.list)),
            tags: settings.tags,
            program: machine.program.clone(),
            excludes,
            exclude_caches: settings.exclude_caches,
            one_file_system: settings.one_file_system,
            ignored: settings.ignored,
            skip,
            walk_concurrency: machine.allowance.bound(walk_threads),
            read_concurrency: machine.allowance.bound(read_threads),
            write,
            dry_run: options.dry_run,
            allow_empty: settings.allow_empty,
        })
    }

    /// Returns the directories that are left out completely, and reports those inside the source.
    fn skip(&self, source: &Path) -> Vec<(u64, u64)> {
        let own = overlap::own_directories(self.access, self.repository.id());
        for directory in own.iter().filter(|directory| directory.path.starts_with(source)) {
            self.events.notice(&BackupRunNotice::LeftOut(directory));
        }
        own.iter().map(|directory| directory.identity).collect()
    }
}

/// Returns how many threads list directories, and how many read files, for the file system of a source.
fn threads(path: &Path) -> (usize, usize) {
    if icecore_fs::is_network_file_system(path) {
        return (NETWORK_WALK_THREADS, NETWORK_READ_THREADS);
    }
    let cores = thread::available_parallelism().map_or(2, NonZeroUsize::get).max(2);
    (cores, cores)
}
