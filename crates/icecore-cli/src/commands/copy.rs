//! `copy`: snapshots into another repository.

use std::{collections::HashSet, sync::Arc, time::Duration};

use icecore_access::{
    AccessMode, OpenRepository, Usage,
    creation::{self, KeyChoice},
    s3, unlock,
};
use icecore_aws::S3Store;
use icecore_catalog::Catalog;
use icecore_copy::{
    CopyError, CopyEvents, CopyPlan, CopyProgress, CopyReport, CopyRequest, CopyTarget, KnownChunks,
    SOURCE_CACHE_BYTES, TargetSnapshots, copy_snapshot, plan_copy,
};
use icecore_format::snapshot::Snapshot;
use icecore_repo::{
    reader::ChunkReader,
    repository::Repository,
    session::{Continuation, WriteOptions},
    snapshots::SnapshotList,
};
use icecore_store::RepositoryLocation;
use icecore_witness::Watch;

use self::report::{CopyDocument, Item};
use crate::{
    arguments::copy::CopyArguments,
    context::{Context, program},
    failure::{Failure, Outcome, exit_status::ExitStatus},
    process::environment_variables,
    surface::{
        console::Console,
        progress::{Counters, Progress},
        requests, rollback,
    },
};
use icecore_operations::{
    error::OperationError,
    init::{self, CreatedDocument, InitRequest},
    look::Look,
    losses, reference,
};

mod report;

/// Threads that fetch blocks.
const FETCH_THREADS: usize = 8;
/// Copies are named in the log together, at the latest after this time. Those that a killed command has not named, the next
/// command that writes there names.
const NAMED_EVERY: Duration = Duration::from_mins(5);

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &CopyArguments) -> Outcome<ExitStatus> {
    let credentials = arguments.credentials(&context.words, environment_variables::destination_password());
    let location = RepositoryLocation::parse(&arguments.to)?;
    let target = context.of_other(location, credentials, arguments.s3_settings(&context.access.s3));
    let result = copy(context, &target, arguments);
    requests::tell(&context.console, "S3 (to)", &target.access.requests);
    result
}

fn copy(context: &Context, target: &Context, arguments: &CopyArguments) -> Outcome<ExitStatus> {
    let mut from = context.access.open(AccessMode::Read)?;
    let look =
        Look::begin(&context.access, &context.witness()?, &mut from, arguments.rollback.ignore_rollback)?;
    let list = look.list();
    let chosen = choose(context, arguments, &look)?;
    let mut document = CopyDocument::new(arguments.dry_run, &from.repository);
    if arguments.snapshots.is_empty() {
        document.set_unreadable(list.damaged.len());
    }
    // Whoever names snapshots by their ids has not missed any.
    let status = if arguments.snapshots.is_empty() {
        rollback::end(&context.console, look.ending())
    } else {
        ExitStatus::Done
    };
    document.set_source_losses(look.documents(), status);
    let Some((mut to, created)) = open_target(target, &from.repository, arguments)? else {
        for snapshot in chosen {
            document.add(&context.console, Item::planned(snapshot, &context.access.machine.zone))?;
        }
        return document.finish(context, &from.usage, None);
    };
    document.set_target(context, &to.repository, created)?;
    let (watch, target_list) = Watch::begin(&target.witness()?, &to.repository, &mut to.catalog)?;
    watch.tell();
    document.set_losses(losses::documents(&watch.findings(), &target.access.machine.zone));
    let usage = to.usage.clone();
    let mut job = Job {
        context,
        target,
        arguments,
        source: from.repository.clone(),
        targets: TargetSnapshots::new(to.repository.id(), &target_list),
        list,
        known: KnownChunks::default(),
        watch,
        named: context.access.machine.environment.monotonic(),
        to: to.into(),
    };
    job.run(&mut from, &chosen, &mut document)?;
    document.finish(context, &from.usage, Some(&usage))
}

/// Returns the snapshots that are meant, oldest first and each once.
fn choose<'a>(context: &Context, arguments: &'a CopyArguments, look: &'a Look) -> Outcome<Vec<&'a Snapshot>> {
    let list = look.list();
    if arguments.snapshots.is_empty() {
        let chosen: Vec<&Snapshot> = list.complete(arguments.source.as_deref()).collect();
        return match &arguments.source {
            Some(source) if chosen.is_empty() => {
                let failure = Failure::from(reference::no_snapshot_of(list, source));
                // The log may know of some that disappeared.
                let status = failure.status.max(rollback::end(&context.console, look.ending()));
                Err(Failure { status, ..failure })
            }
            _ => Ok(chosen),
        };
    }
    let mut chosen = HashSet::new();
    for text in &arguments.snapshots {
        let reference = reference::read_without_path(text)?;
        let found =
            if chosen.is_empty() { look.resolve(&reference)? } else { look.resolve_other(&reference)? };
        chosen.insert(found.origin.run);
    }
    Ok(list.complete(None).filter(|snapshot| chosen.contains(&snapshot.origin.run)).collect())
}

/// Opens the other repository; with `--init`, creates it if there is none, unless it is a dry run, which then knows none.
fn open_target(
    target: &Context,
    source: &Repository,
    arguments: &CopyArguments,
) -> Outcome<Option<(OpenRepository, Option<CreatedDocument>)>> {
    let open = || {
        if arguments.init && creation::is_missing(&target.access)? {
            if arguments.dry_run {
                return Ok(None);
            }
            let key = arguments.to_kms.clone().map_or(KeyChoice::Given, KeyChoice::Kms);
            let created = init::run(&target.access, &target.witness()?, &InitRequest::new(key))?;
            let document = CreatedDocument::from(&created);
            let open = target.access.with_catalog(created.repository, &created.store)?;
            return Ok(Some((open, Some(document))));
        }
        let access = if arguments.dry_run { AccessMode::Read } else { AccessMode::Write };
        let store = target.access.open_store(access)?;
        let repository = unlock::unlock(&target.access, &store)?;
        Ok(Some((target.access.with_catalog(repository, &store)?, None)))
    };
    let opened = open().map_err(Failure::of_other_repository)?;
    if let Some((open, _)) = &opened
        && open.repository.id() == source.id()
    {
        let (here, there) = (source.store().location(), open.repository.store().location());
        return Err(Failure::usage(format!("{there} is the same repository as {here}"))
            .hint("give another one with --to; whole repositories are copied with their files"));
    }
    Ok(opened)
}

/// What the copies of all snapshots of one command share.
struct Job<'a> {
    context: &'a Context,
    target: &'a Context,
    arguments: &'a CopyArguments,
    source: Repository,
    list: &'a SnapshotList,
    targets: TargetSnapshots,
    known: KnownChunks,
    watch: Watch,
    /// When copies were named in the log the last time.
    named: Duration,
    to: Target,
}

/// The other repository.
struct Target {
    repository: Repository,
    catalog: Catalog,
    continuation: Continuation,
    usage: Usage,
    s3: Option<Arc<S3Store>>,
}

impl From<OpenRepository> for Target {
    fn from(open: OpenRepository) -> Self {
        let OpenRepository { repository, catalog, usage, s3 } = open;
        Self { repository, catalog, continuation: Continuation::default(), usage, s3 }
    }
}

impl Job<'_> {
    fn run(
        &mut self,
        from: &mut OpenRepository,
        chosen: &[&Snapshot],
        document: &mut CopyDocument,
    ) -> Outcome<()> {
        let (context, zone) = (self.context, &self.context.access.machine.zone);
        let identity = |snapshot: &Snapshot| snapshot.origin.identity(self.source.id());
        let missing: Vec<&Snapshot> = chosen
            .iter()
            .copied()
            .filter(|snapshot| self.targets.find(identity(snapshot)).is_none())
            .collect();
        let write = self.write_options();
        let reader = if missing.is_empty() || self.arguments.dry_run {
            None
        } else {
            Some(from.reader(context.access.events.as_ref(), &missing, SOURCE_CACHE_BYTES)?)
        };
        for snapshot in chosen {
            if context.access.machine.is_cancelled() {
                break;
            }
            let item = match (self.targets.find(snapshot.origin.identity(self.source.id())), &reader) {
                (Some(copy), _) => Item::present(snapshot, copy, zone),
                (None, None) => Item::planned(snapshot, zone),
                (None, Some(reader)) => match self.copy(reader, snapshot, write) {
                    Ok(report) => Item::copied(snapshot, &report, zone),
                    Err(error) => {
                        let goes_on = error.is_damaged_snapshot() || error.is_archived();
                        let what = format!("snapshot {} is not copied", snapshot.origin.run.snapshot_id());
                        let failure = Failure::from(error).context(what);
                        document.add(&context.console, Item::failed(snapshot, failure, zone))?;
                        if goes_on {
                            continue;
                        }
                        break;
                    }
                },
            };
            document.add(&context.console, item)?;
        }
        if let Some(reader) = &reader {
            document.set_archived(context, from.s3.as_deref(), &reader.archived_packs());
        }
        self.end();
        Ok(())
    }

    fn write_options(&self) -> WriteOptions {
        let configured = self.context.configuration.backup_settings(None);
        WriteOptions {
            compression_level: self.arguments.compression.unwrap_or(configured.compression_level),
            pack_bytes: self.arguments.pack_size.unwrap_or(configured.pack_bytes),
            continues: true,
            ..WriteOptions::default()
        }
    }

    /// Copies one snapshot.
    fn copy(
        &mut self,
        reader: &ChunkReader,
        snapshot: &Snapshot,
        write: WriteOptions,
    ) -> Result<CopyReport, CopyError> {
        let plan: CopyPlan = plan_copy(self.source.id(), self.list, &self.targets, snapshot);
        let request =
            CopyRequest { snapshot, plan, program: program(), write, fetch_concurrency: FETCH_THREADS };
        let events = Events::new(self.context, snapshot);
        let Target { repository, catalog, continuation, .. } = &mut self.to;
        let into = CopyTarget { repository, catalog, continuation };
        let copied = copy_snapshot(reader, into, &request, &mut self.known, &events);
        drop(events);
        let report = copied?;
        self.targets.add(report.snapshot.clone());
        self.watch.add(&report.snapshot);
        self.name_if_due();
        Ok(report)
    }

    fn name_if_due(&mut self) {
        let to = &mut self.to;
        let now = self.context.access.machine.environment.monotonic();
        if now.saturating_sub(self.named) >= NAMED_EVERY {
            self.named = now;
            self.watch.completed(&to.repository, Some(&mut to.catalog), None);
        }
    }

    /// Names in the log what is not named there yet, and keeps what was seen.
    fn end(&mut self) {
        let to = &mut self.to;
        if !self.arguments.dry_run {
            self.watch.completed(&to.repository, Some(&mut to.catalog), None);
        }
        self.watch.save(&to.repository);
        if let Some(s3) = &to.s3 {
            s3::clean_up(&self.target.access, s3);
            s3::remember_speed(&self.target.access, s3, &mut to.catalog);
        }
        requests::tell_calls(&self.context.console, &to.usage);
        if self.watch.is_alarmed() {
            self.context.console.failure(&Failure::from(OperationError::RolledBack).of_other_repository());
        }
    }
}

/// Receiver of the events of one copy.
struct Events<'a> {
    progress: Progress,
    snapshot: &'a Snapshot,
}

impl<'a> Events<'a> {
    fn new(context: &Context, snapshot: &'a Snapshot) -> Self {
        let console: Arc<Console> = Arc::clone(&context.console);
        let progress = Progress::start(
            console,
            Arc::clone(&context.access.machine.environment.clock),
            context.progress_mode,
        );
        Self { progress, snapshot }
    }
}

impl CopyEvents for Events<'_> {
    fn progress(&self, progress: &CopyProgress) {
        self.progress.update(|| {
            let expected = self.snapshot.completion().map(|completion| completion.totals);
            Counters {
                phase: "copying",
                noun: "file",
                objects: progress.files,
                objects_total: expected.map(|totals| totals.files),
                bytes: progress.bytes,
                bytes_total: expected.map(|totals| totals.bytes),
                bytes_stored: Some(progress.bytes_stored),
                path: progress.path.clone(),
            }
        });
    }
}
