//! `backup`: a snapshot of each path, or of a stream.

use std::sync::Arc;

use icecore_backup::{
    backup,
    request::{BackupReport, BackupRequest, BackupSource},
};
use icecore_catalog::Catalog;
use icecore_policy::BackupSettings;
use icecore_repo::{error::RepoError, repository::read_plain_header, session::WriteOptions, snapshots};
use icecore_store::error::StoreError;

use self::{
    events::Events,
    report::{BackupDocument, SourceDocument},
    sources::{PlannedSource, SourceKind},
};
use super::creation::{self, CreatedDocument};
use crate::{
    arguments::backup::BackupArguments,
    context::{Access, Context, OpenRepository, program},
    exit_status::ExitStatus,
    failure::{Failure, Outcome},
    progress::Progress,
    unlock,
};

mod events;
mod report;
mod request;
mod sources;
mod stream;
mod surroundings;

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &BackupArguments) -> Outcome<ExitStatus> {
    let host = arguments.host.clone().unwrap_or_else(|| context.host.clone());
    // Everything that can be wrong with the request is found before anything is written.
    let mut planned = sources::plan(arguments, &context.configuration)?;
    surroundings::refuse_sources_in_repository(context, &planned)?;
    let settings = planned
        .iter()
        .map(|source| request::settings(&context.configuration, arguments, &source.name))
        .collect::<Outcome<Vec<_>>>()?;
    if planned.iter().all(|source| matches!(source.kind, SourceKind::Failed(_))) {
        return finish(context, None, arguments.dry_run, failed_documents(context, planned));
    }
    let (mut open, created) = open_or_create(context, arguments.init)?;
    if let (Some(created), false) = (&created, context.console.json) {
        context.console.result(&created.text())?;
    }
    refuse_other_roots(context, &mut open, &mut planned, &host)?;
    let mut documents = Vec::new();
    let mut catalog = Some(open.catalog);
    for (source, settings) in planned.into_iter().zip(settings) {
        if context.is_cancelled() {
            break;
        }
        let name = source.name.clone();
        let shown = source.shown();
        let present = match catalog.take() {
            Some(catalog) => catalog,
            None => context.open_catalog(open.repository.id())?,
        };
        let job = Job { context, arguments, repository: &open.repository, host: &host };
        let (result, returned) = job.run(source, settings, present);
        catalog = returned;
        documents.push(SourceDocument::new(&name, shown, arguments.dry_run, result));
        if let (Some(document), false) = (documents.last(), context.console.json) {
            document.show(&context.console)?;
        }
    }
    if context.console.verbosity > crate::console::Verbosity::Normal {
        open.meter.tell(&context.console);
    }
    let status = finish(context, Some((&open.repository, created)), arguments.dry_run, documents)?;
    Ok(if context.is_cancelled() { ExitStatus::Interrupted } else { status })
}
