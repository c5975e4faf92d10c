//! What is done after a batch: reading back, hard links, removals, and the directories that the walk has left.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use icecore_fs::target::TargetTree;

use crate::{
    candidate::Candidate,
    context::Context,
    deletion,
    error::RestoreError,
    existing,
    holes::HoleState,
    large,
    linking::Linker,
    pool::{Gate, Pool},
    report::ProblemReason,
    segments,
    steps::{LeftDirectory, LeftState, Removal},
};

/// What is to be done when everything before it is done.
#[derive(Default)]
pub(crate) struct After {
    /// Files that are to be read back, if they could be restored.
    pub read_back: Vec<(Arc<Candidate>, Arc<AtomicBool>)>,
    /// Hard links.
    pub links: Vec<Candidate>,
    /// What is to be removed.
    pub removals: Vec<Removal>,
    /// Directories, deepest first.
    pub left: Vec<LeftDirectory>,
}

/// Does everything that had to wait for a batch.
pub(crate) fn complete<'env>(
    context: &'env Context<'env>,
    tree: &'env TargetTree,
    pool: &Pool<'env>,
    after: After,
    linker: &mut Linker<'_>,
) {
    read_back_all(context, tree, pool, &after.read_back);
    for candidate in after.links {
        if !context.is_stopped() {
            linker.link(&candidate);
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
        if segments::is_large(&candidate.entry) {
            read_back(context, tree, pool, candidate, is_restored);
        } else if is_restored.load(Ordering::Acquire) {
            let candidate = Arc::clone(candidate);
            pool.run(&gate, move || {
                if !context.is_stopped()
                    && let Err(reason) = existing::read_back(context, tree, &candidate.entry)
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
