//! The run of a restore from its request to its report.

use std::{io, thread};

use icecore_fs::{error::FsError, target::TargetTree};
use icecore_repo::reader::ChunkReader;

use crate::{
    driver::Driver,
    error::{RestoreError, RestoreResult},
    guard, matching,
    owners::Owners,
    plan::DryRun,
    pool::Pool,
    report::{RestoreEvents, RestoreNotice, RestoreReport},
    request::RestoreRequest,
    restoration::Restoration,
    root::TargetRoot,
    rules::Rules,
    selection::{self, Selection},
    tally::{Standing, Tally},
    walk::walk,
    walker::Purpose,
};

/// Restores the requested selection.
///
/// The report has the objects that could not be restored; an error means that the restore ended early.
/// Existing files are replaced one by one, each as a whole: a file whose content is damaged in the repository
/// keeps its old state.
pub fn restore(
    reader: &ChunkReader,
    request: &RestoreRequest,
    events: &dyn RestoreEvents,
) -> RestoreResult<RestoreReport> {
    let environment = reader.repository().environment();
    environment.proceed()?;
    let (started, fetched_before) = (environment.monotonic(), reader.bytes_fetched());
    let owners = Owners::load(request.owners);
    let selection = Selection::open(reader, request, &owners)?;
    matching::require_match(reader, request)?;
    let (tree, root) = open_target(request)?;
    let is_privileged = tree.as_ref().is_some_and(TargetTree::is_privileged);
    let standing = Standing { is_privileged, owners: request.owners };
    if let Some(tree) = &tree {
        guard::check(reader, request, tree, root, &owners, standing)?;
    }
    let tally = Tally::new(events, std::sync::Arc::clone(&environment.clock), standing);
    let single = selection.single().map(<[u8]>::to_vec);
    let rules = Rules::new(request, single.is_some());
    let restoration = Restoration::new(reader, request, tree.as_ref(), root, tally, rules);
    announce(&restoration)?;
    let recorded = selection.root().cloned();
    let outcome = run(&restoration, selection);
    if let Err(error) = restoration.take_fatal().map_or(outcome, Err) {
        if let Some(tree) = tree.as_ref().filter(|_| !request.dry_run) {
            root.give_up(tree, recorded.as_ref(), request);
        }
        return Err(error);
    }
    if let (Some(tree), TargetRoot::Created) = (tree.as_ref().filter(|_| !request.dry_run), root) {
        // If nothing was selected, the target itself was not completed.
        root.finish(tree)
            .map_err(|source| RestoreError::Target { target: request.target.clone(), source })?;
    }
    guard::announce(&restoration)?;
    let restored = environment.monotonic();
    if let Some(tree) = tree.as_ref().filter(|_| !request.dry_run) {
        tree.sync().map_err(|source| RestoreError::Sync { source })?;
    }
    let mut report = restoration.tally.finish();
    report.single = single;
    report.archived_packs = reader.archived_packs();
    report.counts.bytes_fetched = reader.bytes_fetched().saturating_sub(fetched_before);
    report.duration_restore = restored.saturating_sub(started);
    report.duration_sync = environment.monotonic().saturating_sub(restored);
    Ok(report)
}

/// Opens the target, or creates it; in a dry run nothing is created.
fn open_target(request: &RestoreRequest) -> RestoreResult<(Option<TargetTree>, TargetRoot)> {
    let target = &request.target;
    let fail = |source| RestoreError::Target { target: target.clone(), source };
    match std::fs::metadata(target) {
        Ok(found) if !found.is_dir() => Err(RestoreError::TargetNotDirectory { target: target.clone() }),
        Ok(_) => {
            let tree = TargetTree::open(target).map_err(fail)?;
            let root = TargetRoot::of_existing(&tree, request).map_err(fail)?;
            Ok((Some(tree), root))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && request.dry_run => {
            Ok((None, TargetRoot::Created))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let tree = TargetTree::create(target).map_err(fail)?;
            let root = TargetRoot::mark_created(&tree);
            Ok((Some(tree), root))
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(RestoreError::TargetNotDirectory { target: target.clone() })
        }
        Err(error) => {
            use std::os::unix::ffi::OsStrExt;
            Err(fail(FsError::new("look up", target.as_os_str().as_bytes(), error)))
        }
    }
}

/// Announces what is known before the first entry.
fn announce(restoration: &Restoration<'_>) -> RestoreResult<()> {
    let expected = selection::expected(restoration.reader, restoration.request);
    restoration.tally.events().started(expected);
    let errors = restoration.request.snapshot.completion().map_or(0, |completion| completion.errors);
    if errors > 0 {
        restoration.tally.notice(RestoreNotice::PartialSnapshot { errors });
    }
    let request = restoration.request;
    if request.delete && !request.include.is_empty() {
        restoration.tally.notice(RestoreNotice::DeletionLimited { is_of_changes: request.since.is_some() });
    }
    let (Some(tree), Some(expected)) = (restoration.tree, expected) else { return Ok(()) };
    let target = &restoration.request.target;
    let fail = |source| RestoreError::Target { target: target.clone(), source };
    // Existing files may be up to date and need no space.
    let is_new = matches!(restoration.root, TargetRoot::Created);
    let is_empty = is_new || tree.list_directory(b"").map_err(fail)?.is_empty();
    let free_bytes = tree.free_bytes().map_err(fail)?;
    if is_empty && expected.bytes > free_bytes {
        restoration.tally.notice(RestoreNotice::LittleSpace { needed_bytes: expected.bytes, free_bytes });
    }
    Ok(())
}

fn run<'env>(restoration: &'env Restoration<'env>, mut selection: Selection<'_>) -> RestoreResult<()> {
    let Some(tree) = restoration.tree.filter(|_| !restoration.request.dry_run) else {
        let mut dry_run = DryRun::new(restoration);
        return walk(restoration, Purpose::Restore, &mut selection, |steps| dry_run.plan(steps));
    };
    thread::scope(|scope| {
        let pool = Pool::start(scope, restoration, restoration.request.concurrency)?;
        let mut driver = Driver::new(restoration, tree, &pool);
        let outcome = walk(restoration, Purpose::Restore, &mut selection, |steps| driver.run(steps));
        if let Err(error) = &outcome {
            tracing::debug!(%error, "the restore ends early");
        }
        driver.finish();
        outcome
    })
}

#[cfg(test)]
mod tests;
