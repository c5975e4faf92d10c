//! `restore`: a snapshot, a directory or a file of it, into a directory.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use icecore_access::AccessMode;
use icecore_format::{
    entry::EntryKind,
    path,
    snapshot::{Level, Snapshot},
};
use icecore_repo::{
    manifest::{ManifestCursor, ManifestRoot},
    reader::ChunkReader,
    snapshots::SnapshotList,
};
use icecore_restore::{
    IncludePatterns, ProblemReason, RestoreError, RestoreReport, RestoreRequest, RestoreResult,
    request::{CACHE_BYTES_DEFAULT, CACHE_BYTES_FAR},
    restore,
};

use self::{
    document::RestoreDocument,
    events::{Actions, Events},
};
use crate::{
    arguments::restore::RestoreArguments,
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus, many_deletions},
    surface::{confirmation, progress::Progress, requests},
};
use icecore_operations::{
    archived::Bucket,
    error::OperationError,
    look::Look,
    overlap,
    reference::{self, Reference, SnapshotChoice},
    text,
};

mod document;
mod events;
mod place;
mod report;

/// How a restore ended, and what a dry run listed.
type Attempt = (RestoreResult<RestoreReport>, Outcome<Actions>);

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &RestoreArguments) -> Outcome<ExitStatus> {
    let reference = reference::read(&arguments.reference)?;
    let include = IncludePatterns::new(arguments.include.iter().map(String::as_str))?;
    let mut open = context.access.open(AccessMode::Read)?;
    let look =
        Look::begin(&context.access, &context.witness()?, &mut open, arguments.rollback.ignore_rollback)?;
    let snapshot = look.resolve(&reference)?.clone();
    if snapshot.completion().is_some_and(|completion| completion.damage.is_some()) {
        let id = snapshot.origin.run.snapshot_id();
        context.console.warning(&format!(
            "snapshot {id} has lost files, as a repair has noted; all others are restored"
        ));
    }
    let since = earlier(&look, &snapshot, arguments)?;
    let read: Vec<&Snapshot> = [&snapshot].into_iter().chain(since.as_ref()).collect();
    let is_far = open.s3.is_some() && !context.access.machine.allowance.is_scarce;
    let cache_bytes = if is_far { CACHE_BYTES_FAR } else { CACHE_BYTES_DEFAULT };
    let reader = open.reader(context.access.events.as_ref(), &read, cache_bytes)?;
    let target = match &arguments.target {
        Some(target) => target.clone(),
        None => original_place(context, &reader, &snapshot, &reference.path)?,
    };
    place::confirm(context, arguments)?;
    overlap::refuse_target(&context.access, &target).map_err(OperationError::from)?;
    let is_source = place::is_source(context, &snapshot, &reference.path, arguments);
    let mut request = RestoreRequest {
        path: reference.path,
        include,
        since,
        delete: arguments.delete,
        delete_excluded: arguments.delete_excluded,
        deletes_many: arguments.yes,
        protected: overlap::protected(&context.access),
        verify: arguments.verify,
        trust_times: arguments.trust_times,
        is_source,
        target_metadata: arguments.in_place || arguments.delete || arguments.target_metadata,
        dry_run: arguments.dry_run,
        owners: arguments.owners(),
        ..RestoreRequest::new(snapshot, target)
    };
    let (result, actions) = restore_asking(context, &reader, &mut request)?;
    let status = match result {
        Ok(done) => {
            let status = status_of(&done);
            let bucket = Bucket::of(&context.access, open.s3.as_deref());
            report::show(context, &request, &done, bucket.as_ref(), actions?)?;
            status
        }
        Err(error) => {
            // A JSON document that was begun is brought to its end.
            actions?.close(&RestoreDocument::failed(&request))?;
            return Err(match error {
                RestoreError::PathNotFound { .. } => {
                    OperationError::path_not_found(&request.snapshot, &request.path).into()
                }
                RestoreError::NothingIncluded { .. } => nothing_included(&request, &arguments.include),
                other => other.into(),
            });
        }
    };
    requests::tell_calls(&context.console, &open.usage);
    Ok(status)
}

/// Restores; asks first if very much would be deleted.
fn restore_asking(context: &Context, reader: &ChunkReader, request: &mut RestoreRequest) -> Outcome<Attempt> {
    let first = attempt(context, reader, request);
    let Err(error @ RestoreError::ManyDeletions { .. }) = &first.0 else { return Ok(first) };
    if !confirmation::ask(&context.console, &format!("{}. Delete them?", many_deletions(error)))? {
        return Ok(first);
    }
    request.deletes_many = true;
    Ok(attempt(context, reader, request))
}

/// Restores once.
fn attempt(context: &Context, reader: &ChunkReader, request: &RestoreRequest) -> Attempt {
    let progress = Progress::start(
        Arc::clone(&context.console),
        Arc::clone(&context.access.machine.environment.clock),
        context.progress_mode,
    );
    let events = Events::new(context, progress, request.dry_run);
    let result = restore(reader, request, &events);
    (result, events.finish())
}

/// Makes the failure of a restore whose patterns match nothing.
fn nothing_included(request: &RestoreRequest, patterns: &[String]) -> Failure {
    let origin = &request.snapshot.origin;
    let id = origin.run.snapshot_id();
    let message = format!("nothing in snapshot {id} matches --include {}", patterns.join(" --include "));
    let failure = Failure::new(ExitStatus::Failed, message);
    let root = String::from_utf8_lossy(&origin.root);
    let below = |pattern: &str| {
        let rest = pattern.strip_prefix(root.trim_end_matches('/'))?;
        rest.starts_with('/').then(|| rest.to_owned())
    };
    if let Some(rest) = patterns.iter().find_map(|pattern| below(pattern)).filter(|_| root.starts_with('/')) {
        return failure
            .hint(format!("patterns are relative to the source's root {root}: use --include '{rest}'"));
    }
    let shown = text::printable(&request.path);
    failure.hint(if request.path.is_empty() {
        format!("patterns are relative to the source's root {root}; `icecore ls {id}` shows what there is")
    } else {
        format!(
            "patterns are relative to {shown} in the source; `icecore ls {id}:{shown}` shows what there is"
        )
    })
}

/// Returns how a restore that came to its end counts.
fn status_of(report: &RestoreReport) -> ExitStatus {
    let others = report.problem_count - report.damaged - report.archived;
    let known_before =
        report.problems.iter().filter(|problem| !problem.reason.is_archived()).all(|problem| {
            matches!(
                problem.reason,
                ProblemReason::UnreadableAtBackup | ProblemReason::MountPoint | ProblemReason::KeptInTheWay
            )
        });
    match report {
        RestoreReport { damaged: 1.., .. } => ExitStatus::Damage,
        _ if others > 0 && !known_before => ExitStatus::Failed,
        RestoreReport { archived: 1.., .. } => ExitStatus::Archived,
        _ if others == 0 && report.is_exact() => ExitStatus::Done,
        _ => ExitStatus::Partial,
    }
}

/// Returns the snapshot that the target is in the state of, if only changes are to be restored.
fn earlier(look: &Look, snapshot: &Snapshot, arguments: &RestoreArguments) -> Outcome<Option<Snapshot>> {
    let origin = &snapshot.origin;
    let source = || format!("{}/{}", origin.host, origin.source);
    if let Some(since) = &arguments.since {
        let mut reference = reference::read_without_path(since)?;
        // Without a source, the one of the snapshot is meant.
        reference.source.get_or_insert_with(source);
        let found = look.resolve_other(&reference)?;
        if found.origin.source != origin.source {
            let (old, new) = (&found.origin.source, &origin.source);
            return Err(Failure::usage(format!("--since names a snapshot of {old}, this one is of {new}")));
        }
        return Ok(Some(found.clone()));
    }
    if !arguments.incremental && !arguments.differential {
        return Ok(None);
    }
    let snapshot_before = SnapshotChoice::Latest(1);
    let earlier = Reference { source: Some(source()), snapshot: snapshot_before, path: Vec::new() };
    look.require_certainty(&earlier)?;
    let found = before(look.list(), snapshot, arguments.differential);
    found.cloned().map(Some).ok_or_else(|| {
        let what = if arguments.differential { "full" } else { "snapshot" };
        Failure::new(
            ExitStatus::Failed,
            format!("there is no {what} of the source {} before {}", origin.source, origin.run.snapshot_id()),
        )
        .hint("restore it as a whole, without --incremental or --differential")
    })
}

/// Returns the newest snapshot (or full) of the same source that was made before it.
fn before<'a>(list: &'a SnapshotList, snapshot: &'a Snapshot, only_full: bool) -> Option<&'a Snapshot> {
    let origin = &snapshot.origin;
    let older = list.complete(Some(&origin.source)).filter(|other| {
        other.origin.host == origin.host
            && other.origin.place() < origin.place()
            && (!only_full || other.origin.level == Level::Full)
    });
    older.max_by_key(|other| other.origin.place())
}

/// Returns the directory that has to be the target for everything to come to where it was.
fn original_place(
    context: &Context,
    reader: &ChunkReader,
    snapshot: &Snapshot,
    wanted: &[u8],
) -> Outcome<PathBuf> {
    let origin = &snapshot.origin;
    if origin.root.first() != Some(&b'/') {
        return Err(Failure::usage("the snapshot is of a stream, which has no place of its own")
            .hint("use --target DIR"));
    }
    if origin.host != context.access.machine.host {
        context.console.warning(&format!(
            "the snapshot is of the host {}, this is {}",
            origin.host, context.access.machine.host
        ));
    }
    let root = ManifestRoot::of(snapshot).ok_or_else(|| OperationError::path_not_found(snapshot, wanted))?;
    let is_single = wanted.is_empty() && root.totals.entries == 1;
    let mut cursor = ManifestCursor::new(reader, &root);
    let entry = if is_single { cursor.next()? } else { cursor.find(wanted)? };
    let entry = entry.ok_or_else(|| OperationError::path_not_found(snapshot, wanted))?;
    let is_directory = entry.kind == EntryKind::Directory;
    let place = Path::new(OsStr::from_bytes(&origin.root));
    if is_single && !is_directory && place.file_name() != Some(OsStr::from_bytes(&entry.path)) {
        let message = "the snapshot is of a single file that has another name than the source's root";
        return Err(Failure::new(ExitStatus::Failed, message).hint("use --target DIR"));
    }
    // A single object is put into the target, which is the directory that it was in.
    Ok(match (is_directory, path::parent(wanted)) {
        (true, None) => place.to_owned(),
        (true, Some(_)) => place.join(OsStr::from_bytes(wanted)),
        (false, Some(parent)) => place.join(OsStr::from_bytes(parent)),
        (false, None) => place.parent().unwrap_or(place).to_owned(),
    })
}

#[cfg(test)]
mod tests;
