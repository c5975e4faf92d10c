//! `backup`: a snapshot of each path, or of a stream.

use std::{path::Path, sync::Arc};

use icecore_access::{
    AccessMode, OpenRepository,
    creation::{self, KeyChoice},
    s3, unlock,
};
use icecore_backup::{backup, error::BackupError, report::BackupReport};
use icecore_catalog::Catalog;
use icecore_format::ids::RepositoryId;
use icecore_repo::{repository::Repository, snapshots::SnapshotList};
use icecore_witness::Watch;

use self::{
    events::Events,
    patterns::IneffectivePatterns,
    report::{BackupDocument, SourceDocument},
    settings::SourceSettings,
    sources::{PlannedSource, SourceKind},
};
use crate::{
    arguments::backup::BackupArguments,
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus},
    surface::{console::Verbosity, progress::Progress, requests},
};
use icecore_operations::{
    error::OperationError,
    init::{self, CreatedDocument, InitRequest},
    losses,
    overlap::{self, OwnDirectoryKind},
    text,
};

mod events;
mod patterns;
mod report;
mod settings;
mod sources;
mod stream;

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &BackupArguments) -> Outcome<ExitStatus> {
    // Everything that can be wrong with the request is found before anything is written.
    let mut planned = sources::plan(arguments, &context.configuration)?;
    for source in &planned {
        if let SourceKind::Tree { path, real } = &source.kind {
            overlap::refuse_source(&context.access, path, real).map_err(OperationError::from)?;
        }
    }
    let settings = planned
        .iter()
        .map(|source| SourceSettings::merge(&context.configuration, arguments, source))
        .collect::<Outcome<Vec<_>>>()?;
    let patterns: Vec<_> = settings.iter().filter_map(|settings| settings.patterns.as_ref()).collect();
    patterns::refuse(&patterns)?;
    patterns.iter().flat_map(|found| found.warnings()).for_each(|warning| context.console.warning(&warning));
    let mut report = BackupDocument::new(arguments.dry_run);
    if planned.iter().all(|source| matches!(source.kind, SourceKind::Failed(_))) {
        for source in planned {
            report.add(context, failed(source))?;
        }
        return report.finish(context);
    }
    let (mut open, created) = open_or_create(context, arguments)?;
    report.set_repository(context, &open.repository, created)?;
    let host = arguments.host.clone().unwrap_or_else(|| context.access.machine.host.clone());
    let (mut watch, list) = Watch::begin(&context.witness()?, &open.repository, &mut open.catalog)?;
    watch.tell();
    report.set_losses(losses::documents(&watch.findings(), &context.access.machine.zone));
    for source in &mut planned {
        check_root(context, source, &list, &host);
    }
    let job = Job { context, arguments, repository: open.repository.clone(), host, list: Arc::new(list) };
    let mut catalog = open.catalog;
    for (source, settings) in planned.into_iter().zip(settings) {
        if context.access.machine.is_cancelled() {
            break;
        }
        let document = job.run(source, settings, &mut catalog, &mut watch);
        report.add(context, document)?;
    }
    if !arguments.dry_run {
        watch.completed(&job.repository, Some(&mut catalog), None);
    }
    watch.save(&job.repository);
    if watch.is_alarmed() {
        context.console.failure(&OperationError::RolledBack.into());
    }
    if let Some(s3) = &open.s3 {
        s3::clean_up(&context.access, s3);
        s3::remember_speed(&context.access, s3, &mut catalog);
    }
    requests::tell_calls(&context.console, &open.usage);
    report.finish(context)
}

fn failed(source: PlannedSource) -> SourceDocument {
    let failure = match source.kind {
        SourceKind::Failed(failure) => failure,
        _ => Failure::interrupted(),
    };
    SourceDocument::failed(&source.shown, source.name, failure)
}

/// Opens the repository; with `--init`, creates it if there is none.
fn open_or_create(
    context: &Context,
    arguments: &BackupArguments,
) -> Outcome<(OpenRepository, Option<CreatedDocument>)> {
    if arguments.init && creation::is_missing(&context.access)? {
        let key = arguments.kms.clone().map_or(KeyChoice::Given, KeyChoice::Kms);
        let request = InitRequest { in_place_of: arguments.in_place_of, ..InitRequest::new(key) };
        let created = init::run(&context.access, &context.witness()?, &request)?;
        let document = CreatedDocument::from(&created);
        let open = context.access.with_catalog(created.repository, &created.store)?;
        return Ok((open, Some(document)));
    }
    let access = if arguments.dry_run { AccessMode::Read } else { AccessMode::Write };
    let store = context.access.open_store(access)?;
    let repository = unlock::unlock(&context.access, &store)?;
    Ok((context.access.with_catalog(repository, &store)?, None))
}

/// Compares a source's root with that of the last snapshot of its name: two directories under one name would take each other's
/// place in the history.
fn check_root(context: &Context, source: &mut PlannedSource, list: &SnapshotList, host: &str) {
    let Some(last) = list.latest_of(&source.name, host) else { return };
    let Some(root) = source.root() else { return };
    if last.origin.root == root {
        return;
    }
    let (old, new) = (text::printable(&last.origin.root), text::printable(&root));
    let name = &source.name;
    if source.name_given {
        context.console.notice(&format!("the last snapshot of {name} is of {old}, this one is of {new}"));
        return;
    }
    let message = format!("the source {name} is {old} so far, {new} would have the same name");
    let hint = format!("choose another name for it with --name, or go on under this one with --name {name}");
    source.kind = SourceKind::Failed(Failure::usage(message).hint(hint));
}

/// Returns the directories that are left out wholly, and tells of those that lie in the source.
fn skip(context: &Context, repository: RepositoryId, source: &Path) -> Vec<(u64, u64)> {
    let own = overlap::own_directories(&context.access, repository);
    for directory in own.iter().filter(|directory| directory.path.starts_with(source)) {
        let what = match directory.kind {
            OwnDirectoryKind::Repository => "the repository",
            // A home directory has its cache in it every time.
            OwnDirectoryKind::Catalog if context.console.verbosity < Verbosity::Verbose => continue,
            OwnDirectoryKind::Catalog => "the catalogue",
        };
        let path = directory.path.display();
        context.console.notice(&format!("{what} {path} lies in the source and is left out"));
    }
    own.iter().map(|directory| directory.identity).collect()
}

/// What the backups of all sources of one command share.
struct Job<'a> {
    context: &'a Context,
    arguments: &'a BackupArguments,
    repository: Repository,
    host: String,
    /// Snapshots when the command began.
    list: Arc<SnapshotList>,
}

impl Job<'_> {
    fn run(
        &self,
        source: PlannedSource,
        settings: SourceSettings,
        catalog: &mut Catalog,
        watch: &mut Watch,
    ) -> SourceDocument {
        let (shown, name) = (source.shown.clone(), source.name.clone());
        let warnings = settings.patterns.as_ref().map(IneffectivePatterns::warnings).unwrap_or_default();
        match self.back_up(source, settings, catalog) {
            Ok(report) => {
                if let Some(snapshot) = &report.snapshot {
                    watch.completed(&self.repository, Some(catalog), Some(snapshot));
                }
                SourceDocument::done(&shown, name, self.arguments.dry_run, &report).with_notices(warnings)
            }
            Err(failure) => SourceDocument::failed(&shown, name, failure),
        }
    }

    /// Backs one source up.
    fn back_up(
        &self,
        source: PlannedSource,
        settings: SourceSettings,
        catalog: &mut Catalog,
    ) -> Outcome<BackupReport> {
        let context = self.context;
        let skip = match &source.kind {
            SourceKind::Tree { real, .. } => skip(context, self.repository.id(), real),
            _ => Vec::new(),
        };
        let (name, source_name) = (source.name.clone(), source.name.clone());
        let shown = text::printable(&source.shown).into_owned();
        let kind =
            stream::open(source.kind, &context.access.machine.environment.cancelled, self.arguments.dry_run)?;
        let mut request =
            settings.request(self.arguments, kind, name, self.host.clone(), skip, Arc::clone(&self.list));
        for threads in [&mut request.walk_concurrency, &mut request.read_concurrency] {
            *threads = context.access.machine.allowance.bound(*threads);
        }
        request.write.pack_bytes = context.access.machine.allowance.bound_pack(request.write.pack_bytes);
        let progress = Progress::start(
            Arc::clone(&context.console),
            Arc::clone(&context.access.machine.environment.clock),
            context.progress_mode,
        );
        let events = Events::new(&context.console, &source_name, progress);
        match backup(&self.repository, catalog, request, &events) {
            Ok(report) => Ok(report),
            Err(BackupError::Stream { .. }) if context.access.machine.is_cancelled() => {
                Err(Failure::interrupted())
            }
            Err(error) => Err(Failure::from(error).context(format!("no snapshot of {shown}"))),
        }
    }
}
