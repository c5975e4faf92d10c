//! What is done after a batch: reading back, hard links, removals, and the directories that the walk has left.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use icecore_fs::{entry::EntryKind as FsKind, target::TargetTree};

use crate::{
    candidate::Candidate,
    context::Context,
    deletion,
    driver::After,
    error::RestoreError,
    file,
    holes::HoleState,
    large,
    links::LinkTable,
    objects,
    pool::{Gate, Pool},
    report::{ProblemReason, RestoreAction},
    steps::{LeftDirectory, LeftState},
    verdict::Verdict,
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
    for removal in after.removals {
        if !context.is_stopped() {
            deletion::remove_object(context, &removal);
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
        Some(found) if context.rules.is_protected(found.device, found.inode) => {
            return Err(ProblemReason::Own);
        }
        Some(found) if found.kind == FsKind::Directory => {
            objects::check_directory(context, tree, candidate, Verdict::Directory)?;
            deletion::displace(context, tree, path)?;
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
    if found.is_some_and(|found| context.rules.is_protected(found.device, found.inode)) {
        return objects::finish_object(context, candidate, 0, Err(ProblemReason::Own));
    }
    let verdict = candidate.judge_in(context, found.as_ref());
    if objects::restore_object(context, candidate, verdict)
        && context.request.verify
        && candidate.is_file()
        && let Err(reason) = file::read_back(context, tree, &candidate.entry)
    {
        context.fail(candidate, reason);
    }
}

/// Completes a directory: removes what does not belong there, then applies its metadata.
fn leave(context: &Context<'_>, tree: &TargetTree, left: &LeftDirectory) {
    deletion::leave(context, left);
    if left.path.is_empty()
        && let Err(source) = context.root.finish(tree)
    {
        context.fail_path(b"", source.into());
    }
    let is_applied = !left.path.is_empty() || context.root.is_applied();
    if let Some(candidate) = left.candidate.as_ref().filter(|_| is_applied)
        && let Err(reason) = apply(context, tree, candidate, left.state)
    {
        context.fail_path(&left.path, reason);
    }
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
        Err(error) if state == LeftState::Touched && deletion::is_gone(&error) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
