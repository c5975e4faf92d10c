//! Counts deletions before any is done, and stops a restore that would delete more than the user probably
//! wants.

use std::sync::Arc;

use icecore_fs::{entry::EntryKind as FsKind, target::TargetTree};
use icecore_repo::reader::ChunkReader;

use crate::{
    deletion,
    error::{RestoreError, RestoreResult},
    names::join,
    owners::Owners,
    report::{NoEvents, RestoreNotice},
    request::{DELETIONS_PERCENT_MAX, DELETIONS_UNASKED, RestoreRequest},
    restoration::Restoration,
    root::TargetRoot,
    rules::Rules,
    selection::Selection,
    steps::Step,
    tally::{Standing, Tally},
    walk::walk,
    walker::Purpose,
};

/// Fails if the restore would delete so many objects that the user must confirm it.
pub(crate) fn check(
    reader: &ChunkReader,
    request: &RestoreRequest,
    tree: &TargetTree,
    root: TargetRoot,
    owners: &Owners,
    standing: Standing,
) -> RestoreResult<()> {
    if !request.delete || request.deletes_many || request.dry_run {
        return Ok(());
    }
    // In a new target, there is nothing to count; the restore reports directories that cannot be listed.
    if tree.list_directory(b"").is_ok_and(|names| names.is_empty()) {
        return Ok(());
    }
    let counting = RestoreRequest { dry_run: true, ..request.clone() };
    let clock = Arc::clone(&reader.repository().environment().clock);
    let mut selection = Selection::open(reader, &counting, owners)?;
    let rules = Rules::new(&counting, selection.single().is_some());
    let restoration =
        Restoration::new(reader, &counting, Some(tree), root, Tally::new(&NoEvents, clock, standing), rules);
    let outcome =
        walk(&restoration, Purpose::CountDeletions, &mut selection, |steps| count(&restoration, tree, steps));
    if let Some(error) = restoration.take_fatal() {
        return Err(error);
    }
    outcome?;
    match excess(&restoration, tree)? {
        None => Ok(()),
        Some((deletions, entries)) => {
            Err(RestoreError::ManyDeletions { target: request.target.clone(), deletions, entries })
        }
    }
}

/// Counts the deletions of some steps.
fn count(restoration: &Restoration<'_>, tree: &TargetTree, steps: Vec<Step>) {
    for step in steps {
        match step {
            Step::Remove(removal) => deletion::remove_object(restoration, &removal),
            Step::Leave(left) => deletion::leave(restoration, &left),
            // The restore itself reports objects that cannot be removed.
            Step::Displace(path) => deletion::check_displaced(restoration, tree, &path).unwrap_or_default(),
            Step::Object(_) | Step::Link(_) => {}
        }
    }
}

/// Announces after a dry run that the restore itself would ask.
pub(crate) fn announce(restoration: &Restoration<'_>) -> RestoreResult<()> {
    let request = restoration.request;
    let Some(tree) = restoration.tree.filter(|_| request.dry_run && request.delete && !request.deletes_many)
    else {
        return Ok(());
    };
    if let Some((deletions, entries)) = excess(restoration, tree)? {
        restoration.tally.notice(RestoreNotice::ManyDeletions { deletions, entries });
    }
    Ok(())
}

/// Returns the counted deletions, and the number of objects in the target, if there are too many deletions.
fn excess(restoration: &Restoration<'_>, tree: &TargetTree) -> RestoreResult<Option<(u64, u64)>> {
    let deletions = restoration.tally.counts().deleted_entries;
    if deletions <= DELETIONS_UNASKED {
        return Ok(None);
    }
    let enough = deletions.saturating_mul(100).div_ceil(DELETIONS_PERCENT_MAX);
    let entries = count_entries(restoration, tree, enough)?;
    Ok((entries < enough).then_some((deletions, entries)))
}

/// Counts the objects in the target, without other mounts, until there are `enough`.
fn count_entries(restoration: &Restoration<'_>, tree: &TargetTree, enough: u64) -> RestoreResult<u64> {
    let mut entries = 0_u64;
    let mut directories = vec![Vec::new()];
    while let Some(directory) = directories.pop() {
        if restoration.is_stopped() {
            return Err(restoration.take_fatal().unwrap_or(RestoreError::Interrupted));
        }
        if entries >= enough || !matches!(tree.locate(&directory), Ok(Some(found)) if !found.is_foreign) {
            continue;
        }
        // A directory that cannot be listed cannot be counted, nor deleted.
        let names = tree.list_directory(&directory).unwrap_or_default();
        entries += names.len() as u64;
        let below = names.into_iter().filter(|(_, kind)| *kind == FsKind::Directory);
        directories.extend(below.map(|(name, _)| join(&directory, &name)));
    }
    Ok(entries)
}
