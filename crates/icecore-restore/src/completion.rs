//! What is done after a batch: reading back, hard links, removals, and the directories that the walk has left.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use icecore_fs::{
    entry::EntryKind as FsKind,
    error::FsError,
    target::{TargetTree, is_temporary_name},
};

use crate::{
    candidate::{Candidate, Verdict},
    context::Context,
    driver::After,
    error::RestoreError,
    file,
    holes::HoleState,
    large,
    links::LinkTable,
    objects,
    pool::{Gate, Pool},
    report::{ProblemReason, RestoreAction},
    steps::{LeftDirectory, LeftState, join},
};

/// Does everything that had to wait for a batch.
pub(crate) fn complete<'env>(
    context: &'env Context<'env>,
    tree: &'env TargetTree,
    pool: &Pool<'env>,
    after: After,
    links: &mut LinkTable,
) {
    read_back_all(context, tree, pool, &after.read_back);
    for candidate in after.links {
        if !context.is_stopped() {
            link(context, tree, &candidate, links);
        }
    }
    for path in after.removals {
        if !context.is_stopped() {
            remove(context, tree, &path);
        }
    }
    for left in after.left {
        if !context.is_stopped() {
            leave(context, tree, &left);
        }
    }
}

/// Reads the files of a batch from the disk again: the small ones by all workers at once, each large one by all.
fn read_back_all<'env>(
    context: &'env Context<'env>,
    tree: &'env TargetTree,
    pool: &Pool<'env>,
    files: &[(Arc<Candidate>, Arc<AtomicBool>)],
) {
    if files.is_empty() || context.is_stopped() {
        return;
    }
    // One call for all is much faster than one for each; then those for each have nothing left to do.
    if let Err(source) = tree.sync() {
        return context.stop(RestoreError::Sync { source });
    }
    let gate = Arc::new(Gate::default());
    for (candidate, is_restored) in files {
        if large::is_large(&candidate.entry) {
            read_back(context, tree, pool, candidate, is_restored);
        } else if is_restored.load(Ordering::Acquire) {
            let candidate = Arc::clone(candidate);
            pool.run(&gate, move || {
                if !context.is_stopped()
                    && let Err(reason) = file::read_back(context, tree, &candidate.entry)
                {
                    context.fail(&candidate, reason);
                }
            });
        }
    }
    gate.wait();
}

fn read_back<'env>(
    context: &'env Context<'env>,
    tree: &'env TargetTree,
    pool: &Pool<'env>,
    candidate: &Arc<Candidate>,
    is_restored: &AtomicBool,
) {
    if !is_restored.load(Ordering::Acquire) || context.is_stopped() {
        return;
    }
    if let Err(reason) = large_reads_back(context, tree, pool, candidate) {
        context.fail(candidate, reason);
    }
}

fn large_reads_back<'env>(
    context: &'env Context<'env>,
    tree: &'env TargetTree,
    pool: &Pool<'env>,
    candidate: &Arc<Candidate>,
) -> Result<(), ProblemReason> {
    let file = tree.open_existing_for_compare(&candidate.entry.path)?.ok_or(ProblemReason::ReadBack)?;
    file.drop_cache()?;
    match large::compare(context, pool, candidate, &Arc::new(file))? {
        HoleState::Wrong => Err(ProblemReason::ReadBack),
        HoleState::Right | HoleState::Differs => Ok(()),
    }
}

/// Links a member of a group to the file that stands for it; if that could not be restored, the member takes its place.
fn link(context: &Context<'_>, tree: &TargetTree, candidate: &Candidate, links: &mut LinkTable) {
    let Some(group) = candidate.entry.link_group() else { return };
    let first = links.first(group).map(<[u8]>::to_vec).unwrap_or_default();
    if context.take_failed_group(group) {
        return stand_in(context, tree, candidate, links);
    }
    match try_link(context, tree, candidate, &first) {
        Ok(true) => objects::finish_object(context, candidate, 0, Ok(())),
        // A device node that may not be created, or somebody else removed it.
        Ok(false) => stand_in(context, tree, candidate, links),
        Err(ProblemReason::Target { source }) if !source.is_storage_full() => {
            let reason = source.source.to_string();
            let privileged = source.is_permission_denied();
            context.tally.warn_aspect("hard link", &candidate.entry.path, reason, privileged);
            stand_in(context, tree, candidate, links);
        }
        Err(reason) => objects::finish_object(context, candidate, 0, Err(reason)),
    }
}

/// Makes the link; says no if there is nothing to link to.
fn try_link(
    context: &Context<'_>,
    tree: &TargetTree,
    candidate: &Candidate,
    first: &[u8],
) -> Result<bool, ProblemReason> {
    let path = &candidate.entry.path;
    let Some(wanted) = tree.look_up(first)? else { return Ok(false) };
    let found = if candidate.is_new { None } else { tree.look_up(path)? };
    let action = match found {
        Some(found) if (found.device, found.inode) == (wanted.device, wanted.inode) => {
            context.tally.count(|counts| counts.already_right += 1);
            return Ok(true);
        }
        Some(found) if objects::is_directory(found.kind) => {
            objects::check_directory(context, tree, candidate, Verdict::Directory)?;
            tree.remove_tree(path)?;
            RestoreAction::Replace
        }
        Some(found) if found.kind != wanted.kind => RestoreAction::Replace,
        None | Some(_) => RestoreAction::Link,
    };
    tree.create_hard_link(first, path)?;
    context.tally.count(|counts| {
        counts.links_created += 1;
        counts.replaced += u64::from(action == RestoreAction::Replace);
    });
    context.tally.action(action, path);
    Ok(true)
}

/// Restores a member of a link group by itself; later members are linked to it.
fn stand_in(context: &Context<'_>, tree: &TargetTree, candidate: &Candidate, links: &mut LinkTable) {
    if let Some(group) = candidate.entry.link_group() {
        links.replace_first(group, &candidate.entry.path);
    }
    let found = match tree.look_up(&candidate.entry.path) {
        Ok(found) => found,
        Err(source) => return objects::finish_object(context, candidate, 0, Err(source.into())),
    };
    let verdict = candidate.judge_in(context, found.as_ref());
    if objects::restore_object(context, candidate, verdict)
        && context.request.verify
        && candidate.is_file()
        && let Err(reason) = file::read_back(context, tree, &candidate.entry)
    {
        context.fail(candidate, reason);
    }
}

/// Removes something that is not a directory and not in the newer snapshot.
fn remove(context: &Context<'_>, tree: &TargetTree, path: &[u8]) {
    match tree.remove_non_directory(path) {
        Ok(true) => note_deleted(context, path),
        Ok(false) => {}
        Err(error) if is_gone(&error) => {}
        Err(error) => context.fail_path(path, error.into()),
    }
}

/// A directory on the way is something else now: what was in it is gone.
fn is_gone(error: &FsError) -> bool {
    matches!(error.source.kind(), std::io::ErrorKind::NotADirectory | std::io::ErrorKind::NotFound)
}

fn note_deleted(context: &Context<'_>, path: &[u8]) {
    context.tally.count(|counts| counts.deleted += 1);
    context.tally.action(RestoreAction::Delete, path);
}

/// Completes a directory: removes what does not belong there, then applies its metadata.
fn leave(context: &Context<'_>, tree: &TargetTree, left: &LeftDirectory) {
    for (name, kind) in &left.extras {
        remove_extra(context, tree, &join(&left.path, name), name, *kind);
    }
    if left.path.is_empty()
        && let Err(source) = context.root.finish(tree)
    {
        context.fail_path(b"", source.into());
    }
    let outcome = match (left.state, &left.candidate) {
        (_, Some(_)) if left.path.is_empty() && !context.root.is_applied() => Ok(()),
        (LeftState::Removed, _) => remove_directory(context, tree, &left.path),
        (_, None) => Ok(()),
        (state, Some(candidate)) => apply(context, tree, candidate, state),
    };
    if let Err(reason) = outcome {
        context.fail_path(&left.path, reason);
    }
}

fn remove_extra(context: &Context<'_>, tree: &TargetTree, path: &[u8], name: &[u8], kind: FsKind) {
    let is_leftover = is_leftover(name, kind);
    let removed = if is_leftover { tree.remove_non_directory(path) } else { tree.remove_tree(path) };
    match removed {
        Ok(true) if is_leftover => context.tally.count(|counts| counts.leftovers_removed += 1),
        Ok(true) => note_deleted(context, path),
        Ok(false) => {}
        Err(error) => context.fail_path(path, error.into()),
    }
}

/// Says whether a name was left behind by a restore that was killed.
pub(crate) fn is_leftover(name: &[u8], kind: FsKind) -> bool {
    is_temporary_name(name) && !objects::is_directory(kind)
}

/// Removes a directory that the newer snapshot does not have, if there is nothing left in it.
fn remove_directory(context: &Context<'_>, tree: &TargetTree, path: &[u8]) -> Result<(), ProblemReason> {
    match tree.list_directory(path) {
        Err(error) if is_gone(&error) => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok(names) if !names.is_empty() => return Err(ProblemReason::DirectoryNotEmpty),
        Ok(_) => {}
    }
    if tree.remove_tree(path)? {
        note_deleted(context, path);
    }
    Ok(())
}

fn apply(
    context: &Context<'_>,
    tree: &TargetTree,
    candidate: &Candidate,
    state: LeftState,
) -> Result<(), ProblemReason> {
    let entry = &candidate.entry;
    let options = candidate.apply_options(context.request);
    match tree.apply_metadata(&entry.path, &candidate.metadata(), &entry.attributes, &options) {
        Ok(warnings) => context.tally.warn(warnings),
        Err(error) if state == LeftState::Touched && is_gone(&error) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
