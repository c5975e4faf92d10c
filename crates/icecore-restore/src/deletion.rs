//! Removes what the snapshot does not have, except for what must stay; in a dry run says what would be removed.

use icecore_fs::{
    entry::EntryKind as FsKind,
    error::FsError,
    target::{Location, RemovalMode, RemovalWatch, TargetTree},
};

use crate::{
    candidate::Candidate,
    context::Context,
    names::{is_leftover, join},
    report::{ProblemReason, RestoreAction},
    steps::{LeftDirectory, LeftState, Removal},
    verdict::Verdict,
};

/// Applies the rules to a removal, and notes what it removes.
struct Watch<'a> {
    context: &'a Context<'a>,
    /// Something else comes in place of what is removed.
    is_displaced: bool,
    /// Objects that made room.
    entries_displaced: u64,
}

impl<'a> Watch<'a> {
    fn new(context: &'a Context<'a>) -> Self {
        Self { context, is_displaced: false, entries_displaced: 0 }
    }
}

impl RemovalWatch for Watch<'_> {
    fn keeps(&mut self, path: &[u8], found: &Location) -> bool {
        let Some(reason) = self.context.rules.of(path, found) else { return false };
        self.context.tally.kept(reason, path);
        true
    }

    fn removed(&mut self, path: &[u8], entries: u64) {
        if self.is_displaced {
            self.entries_displaced += entries;
            return;
        }
        self.context.tally.count(|counts| {
            counts.deleted += 1;
            counts.deleted_entries += entries;
        });
        self.context.tally.action(RestoreAction::Delete, path);
    }
}

fn mode(context: &Context<'_>) -> RemovalMode {
    if context.request.dry_run { RemovalMode::Survey } else { RemovalMode::Remove }
}

/// A directory on the way is something else now: what was in it is gone.
pub(crate) fn is_gone(error: &FsError) -> bool {
    matches!(error.source.kind(), std::io::ErrorKind::NotADirectory | std::io::ErrorKind::NotFound)
}

/// Removes something that is not a directory and that the newer snapshot does not have.
pub(crate) fn remove_object(context: &Context<'_>, removal: &Removal) {
    let Some(tree) = context.tree else { return };
    let path = &removal.path;
    let outcome = tree.locate(path).and_then(|found| match (found, removal.shield) {
        (None, _) => Ok(()),
        (Some(_), Some(reason)) => {
            context.tally.kept(reason, path);
            Ok(())
        }
        (Some(found), None) if found.kind == FsKind::Directory => {
            context.fail_path(path, ProblemReason::OtherKind);
            Ok(())
        }
        (Some(_), None) => tree.remove(path, mode(context), &mut Watch::new(context)).map(|_| ()),
    });
    note(context, path, outcome);
}

fn note(context: &Context<'_>, path: &[u8], outcome: Result<(), FsError>) {
    match outcome {
        Ok(()) => {}
        Err(error) if is_gone(&error) => {}
        Err(error) => context.fail_path(path, error.into()),
    }
}

/// Removes from a directory that the walk has left what does not belong there, and the directory itself if the newer
/// snapshot does not have it.
pub(crate) fn leave(context: &Context<'_>, left: &LeftDirectory) {
    let Some(tree) = context.tree else { return };
    if left.state == LeftState::Removed {
        let outcome = removed_directory(context, tree, left);
        return note(context, &left.path, outcome);
    }
    for (name, kind) in &left.extras {
        let path = join(&left.path, name);
        if is_leftover(name, *kind) {
            if left.state != LeftState::LeftAlone {
                note(context, &path, leftover(context, tree, &path));
            }
        } else if let Some(reason) = left.shield {
            context.tally.kept(reason, &path);
        } else {
            let removed = tree.remove(&path, mode(context), &mut Watch::new(context));
            note(context, &path, removed.map(|_| ()));
        }
    }
}

fn leftover(context: &Context<'_>, tree: &TargetTree, path: &[u8]) -> Result<(), FsError> {
    let is_removed = context.request.dry_run || tree.remove_non_directory(path)?;
    context.tally.count(|counts| counts.leftovers_removed += u64::from(is_removed));
    Ok(())
}

/// Removes a directory that the newer snapshot does not have, if nothing stays in it.
fn removed_directory(context: &Context<'_>, tree: &TargetTree, left: &LeftDirectory) -> Result<(), FsError> {
    let path = &left.path;
    let Some(found) = tree.locate(path)?.filter(|found| found.kind == FsKind::Directory) else {
        return Ok(());
    };
    if let Some(reason) = left.shield.or_else(|| context.rules.of(path, &found)) {
        context.tally.kept(reason, path);
        context.note_stay(path, true);
        return Ok(());
    }
    match remaining(context, tree, left)? {
        Remaining::Nothing if context.request.dry_run || tree.remove_empty_directory(path)? => {
            Watch::new(context).removed(path, 1);
        }
        Remaining::Kept => context.note_stay(path, true),
        Remaining::Nothing | Remaining::Others => {
            context.note_stay(path, false);
            context.fail_path(path, ProblemReason::DirectoryNotEmpty);
        }
    }
    Ok(())
}

/// What stays in a directory that is to be removed.
enum Remaining {
    Nothing,
    /// Only what the rules keep.
    Kept,
    /// Also something that neither snapshot knows.
    Others,
}

fn remaining(context: &Context<'_>, tree: &TargetTree, left: &LeftDirectory) -> Result<Remaining, FsError> {
    let mut remaining = Remaining::Nothing;
    for (name, kind) in tree.list_directory(&left.path)? {
        let child = join(&left.path, &name);
        let stay = context.take_stay(&child);
        let reason = tree.locate(&child)?.and_then(|found| context.rules.of(&child, &found));
        let known = left.extras.binary_search_by(|(known, _)| known.cmp(&name));
        let known = known.ok().map(|index| left.extras[index].1);
        if context.request.dry_run && stay.is_none() && reason.is_none() {
            // A restore would have removed by now what the earlier snapshot has there.
            let is_same =
                known.is_some_and(|known| (known == FsKind::Directory) == (kind == FsKind::Directory));
            if is_same {
                continue;
            }
        }
        match reason {
            Some(reason) if known.is_none() => context.tally.kept(reason, &child),
            None if stay != Some(true) => return Ok(Remaining::Others),
            _ => {}
        }
        remaining = Remaining::Kept;
    }
    Ok(remaining)
}

/// Fails unless a directory that is in the place of something else may be removed with everything in it.
pub(crate) fn check_displaced(
    context: &Context<'_>,
    tree: &TargetTree,
    path: &[u8],
) -> Result<(), ProblemReason> {
    let Some(found) = tree.locate(path)? else { return Ok(()) };
    if context.rules.is_protected(found.device, found.inode) {
        return Err(ProblemReason::Own);
    }
    if tree.is_mount_point(path)? {
        return Err(ProblemReason::MountPoint);
    }
    if tree.list_directory(path)?.is_empty() {
        return Ok(());
    }
    if !context.request.delete {
        return Err(ProblemReason::DirectoryInTheWay);
    }
    let mut watch = Watch { is_displaced: true, ..Watch::new(context) };
    if !tree.remove(path, RemovalMode::Survey, &mut watch)? {
        return Err(ProblemReason::KeptInTheWay);
    }
    if context.request.dry_run {
        context.tally.count(|counts| counts.deleted_entries += watch.entries_displaced);
    }
    Ok(())
}

/// Fails if the verdict is that a directory is in the way, unless it is empty or may be deleted.
pub(crate) fn check_directory(
    context: &Context<'_>,
    tree: &TargetTree,
    candidate: &Candidate,
    verdict: Verdict,
) -> Result<(), ProblemReason> {
    if verdict == Verdict::Directory { check_displaced(context, tree, &candidate.entry.path) } else { Ok(()) }
}

/// Removes a directory that is in the place of something else.
pub(crate) fn displace(context: &Context<'_>, tree: &TargetTree, path: &[u8]) -> Result<(), ProblemReason> {
    if tree.remove_empty_directory(path)? {
        return Ok(());
    }
    if !context.request.delete {
        return Err(ProblemReason::DirectoryInTheWay);
    }
    let mut watch = Watch { is_displaced: true, ..Watch::new(context) };
    let removed = tree.remove(path, RemovalMode::Remove, &mut watch);
    context.tally.count(|counts| counts.deleted_entries += watch.entries_displaced);
    if removed? { Ok(()) } else { Err(ProblemReason::KeptInTheWay) }
}
