//! Work after a batch: reading back, hard links, removals, and the directories that the walk has left.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use icecore_fs::target::TargetTree;

use crate::{
    candidate::Candidate,
    deletion,
    error::RestoreError,
    existing,
    holes::HoleState,
    large,
    linking::Linker,
    pool::{Gate, Pool},
    report::ProblemReason,
    restoration::Restoration,
    segments,
    steps::{LeftDirectory, LeftState, Removal},
};

/// Work to be done after everything before it.
#[derive(Default)]
pub(crate) struct After {
    /// Files to be read back, if they could be restored.
    pub read_back: Vec<(Arc<Candidate>, Arc<AtomicBool>)>,
    /// Hard links.
    pub links: Vec<Candidate>,
    /// Objects to be removed.
    pub removals: Vec<Removal>,
    /// Directories, deepest first.
    pub left: Vec<LeftDirectory>,
}

/// Does everything that had to wait for a batch.
pub(crate) fn complete<'env>(
    restoration: &'env Restoration<'env>,
    tree: &'env TargetTree,
    pool: &Pool<'env>,
    after: After,
    linker: &mut Linker<'_>,
) {
    read_back_all(restoration, tree, pool, &after.read_back);
    for candidate in after.links {
        if !restoration.is_stopped() {
            linker.link(&candidate);
        }
    }
    for removal in after.removals {
        if !restoration.is_stopped() {
            deletion::remove_object(restoration, &removal);
        }
    }
    for left in after.left {
        if !restoration.is_stopped() {
            leave(restoration, tree, &left);
        }
    }
}

/// Reads the files of a batch from the disk again: all workers share the small files, and then each large
/// file.
fn read_back_all<'env>(
    restoration: &'env Restoration<'env>,
    tree: &'env TargetTree,
    pool: &Pool<'env>,
    files: &[(Arc<Candidate>, Arc<AtomicBool>)],
) {
    if files.is_empty() || restoration.is_stopped() {
        return;
    }
    // One call for all is much faster than one for each file, and leaves nothing for those calls to do.
    if let Err(source) = tree.sync() {
        return restoration.stop(RestoreError::Sync { source });
    }
    let gate = Arc::new(Gate::default());
    for (candidate, is_restored) in files {
        if segments::is_large(&candidate.entry) {
            read_back(restoration, tree, pool, candidate, is_restored);
        } else if is_restored.load(Ordering::Acquire) {
            let candidate = Arc::clone(candidate);
            pool.run(&gate, move || {
                if !restoration.is_stopped()
                    && let Err(reason) = existing::read_back(restoration, tree, &candidate.entry)
                {
                    restoration.fail(&candidate, reason);
                }
            });
        }
    }
    gate.wait();
}

fn read_back<'env>(
    restoration: &'env Restoration<'env>,
    tree: &'env TargetTree,
    pool: &Pool<'env>,
    candidate: &Arc<Candidate>,
    is_restored: &AtomicBool,
) {
    if !is_restored.load(Ordering::Acquire) || restoration.is_stopped() {
        return;
    }
    if let Err(reason) = large_reads_back(restoration, tree, pool, candidate) {
        restoration.fail(candidate, reason);
    }
}

fn large_reads_back<'env>(
    restoration: &'env Restoration<'env>,
    tree: &'env TargetTree,
    pool: &Pool<'env>,
    candidate: &Arc<Candidate>,
) -> Result<(), ProblemReason> {
    let file = tree.open_existing_for_compare(&candidate.entry.path)?.ok_or(ProblemReason::ReadBack)?;
    file.drop_cache()?;
    match large::compare(restoration, pool, candidate, &Arc::new(file))? {
        HoleState::Wrong => Err(ProblemReason::ReadBack),
        HoleState::Right | HoleState::Differs => Ok(()),
    }
}

/// Completes a directory: removes extra objects, then applies its metadata.
fn leave(restoration: &Restoration<'_>, tree: &TargetTree, left: &LeftDirectory) {
    deletion::leave(restoration, left);
    if left.path.is_empty()
        && let Err(source) = restoration.root.finish(tree)
    {
        restoration.fail_path(b"", source.into());
    }
    let is_applied = !left.path.is_empty() || restoration.root.is_applied();
    if let Some(candidate) = left.candidate.as_ref().filter(|_| is_applied)
        && let Err(reason) = apply(restoration, tree, candidate, left.state)
    {
        restoration.fail_path(&left.path, reason);
    }
}

fn apply(
    restoration: &Restoration<'_>,
    tree: &TargetTree,
    candidate: &Candidate,
    state: LeftState,
) -> Result<(), ProblemReason> {
    let entry = &candidate.entry;
    let options = candidate.apply_options(restoration.request);
    match tree.apply_metadata(&entry.path, &candidate.metadata(), &entry.attributes, &options) {
        Ok(warnings) => restoration.tally.warn(warnings),
        Err(error) if state == LeftState::Touched && deletion::is_gone(&error) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
