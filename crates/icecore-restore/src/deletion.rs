//! Removes objects that the snapshot does not have, except protected ones; in a dry run, reports what would
//! be removed.

use icecore_fs::{
    entry::EntryKind as FsKind,
    error::FsError,
    target::{Location, RemovalMode, RemovalWatch, TargetTree},
};

use crate::{
    candidate::Candidate,
    names::{is_leftover, join},
    report::{ProblemReason, RestoreAction},
    restoration::Restoration,
    steps::{LeftDirectory, LeftState, Removal},
    verdict::Verdict,
};

/// Applies the rules to a removal, and notes what it removes.
struct Watch<'a> {
    restoration: &'a Restoration<'a>,
    /// Something else replaces the removed object.
    is_displaced: bool,
    /// Objects that were removed to make room.
    entries_displaced: u64,
}

impl<'a> Watch<'a> {
    fn new(restoration: &'a Restoration<'a>) -> Self {
        Self { restoration, is_displaced: false, entries_displaced: 0 }
    }
}

impl RemovalWatch for Watch<'_> {
    fn keeps(&mut self, path: &[u8], found: &Location) -> bool {
        let Some(reason) = self.restoration.rules.of(path, found) else { return false };
        self.restoration.tally.kept(reason, path);
        true
    }

    fn removed(&mut self, path: &[u8], entries: u64) {
        if self.is_displaced {
            self.entries_displaced += entries;
            return;
        }
        self.restoration.tally.count(|counts| {
            counts.deleted += 1;
            counts.deleted_entries += entries;
        });
        self.restoration.tally.action(RestoreAction::Delete, path);
    }
}

fn mode(restoration: &Restoration<'_>) -> RemovalMode {
    if restoration.request.dry_run { RemovalMode::Survey } else { RemovalMode::Remove }
}

/// A directory on the way is something else now, so its content no longer exists.
pub(crate) fn is_gone(error: &FsError) -> bool {
    matches!(error.source.kind(), std::io::ErrorKind::NotADirectory | std::io::ErrorKind::NotFound)
}

/// Removes an object that is not a directory and that the newer snapshot does not have.
pub(crate) fn remove_object(restoration: &Restoration<'_>, removal: &Removal) {
    let Some(tree) = restoration.tree else { return };
    let path = &removal.path;
    let outcome = tree.locate(path).and_then(|found| match (found, removal.shield) {
        (None, _) => Ok(()),
        (Some(_), Some(reason)) => {
            restoration.tally.kept(reason, path);
            Ok(())
        }
        (Some(found), None) if found.kind == FsKind::Directory => {
            restoration.fail_path(path, ProblemReason::OtherKind);
            Ok(())
        }
        (Some(_), None) => tree.remove(path, mode(restoration), &mut Watch::new(restoration)).map(|_| ()),
    });
    note(restoration, path, outcome);
}

fn note(restoration: &Restoration<'_>, path: &[u8], outcome: Result<(), FsError>) {
    match outcome {
        Ok(()) => {}
        Err(error) if is_gone(&error) => {}
        Err(error) => restoration.fail_path(path, error.into()),
    }
}

/// Removes extra objects from a directory that the walk has left, and the directory itself if the newer
/// snapshot does not have it.
pub(crate) fn leave(restoration: &Restoration<'_>, left: &LeftDirectory) {
    let Some(tree) = restoration.tree else { return };
    if left.state == LeftState::Removed {
        let outcome = removed_directory(restoration, tree, left);
        return note(restoration, &left.path, outcome);
    }
    for (name, kind) in &left.extras {
        let path = join(&left.path, name);
        if is_leftover(name, *kind) {
            if left.state != LeftState::LeftAlone {
                note(restoration, &path, leftover(restoration, tree, &path));
            }
        } else if let Some(reason) = left.shield {
            restoration.tally.kept(reason, &path);
        } else {
            let removed = tree.remove(&path, mode(restoration), &mut Watch::new(restoration));
            note(restoration, &path, removed.map(|_| ()));
        }
    }
}

fn leftover(restoration: &Restoration<'_>, tree: &TargetTree, path: &[u8]) -> Result<(), FsError> {
    let is_removed = restoration.request.dry_run || tree.remove_non_directory(path)?;
    restoration.tally.count(|counts| counts.leftovers_removed += u64::from(is_removed));
    Ok(())
}

/// Removes a directory that the newer snapshot does not have, if nothing remains in it.
fn removed_directory(
    restoration: &Restoration<'_>,
    tree: &TargetTree,
    left: &LeftDirectory,
) -> Result<(), FsError> {
    let path = &left.path;
    let Some(found) = tree.locate(path)?.filter(|found| found.kind == FsKind::Directory) else {
        return Ok(());
    };
    if let Some(reason) = left.shield.or_else(|| restoration.rules.of(path, &found)) {
        restoration.tally.kept(reason, path);
        restoration.note_stay(path, true);
        return Ok(());
    }
    match remaining(restoration, tree, left)? {
        Remaining::Nothing if restoration.request.dry_run || tree.remove_empty_directory(path)? => {
            Watch::new(restoration).removed(path, 1);
        }
        Remaining::Kept => restoration.note_stay(path, true),
        Remaining::Nothing | Remaining::Others => {
            restoration.note_stay(path, false);
            restoration.fail_path(path, ProblemReason::DirectoryNotEmpty);
        }
    }
    Ok(())
}

/// What remains in a directory that should be removed.
enum Remaining {
    Nothing,
    /// Only objects that the rules keep.
    Kept,
    /// Also objects that neither snapshot knows.
    Others,
}

fn remaining(
    restoration: &Restoration<'_>,
    tree: &TargetTree,
    left: &LeftDirectory,
) -> Result<Remaining, FsError> {
    let mut remaining = Remaining::Nothing;
    for (name, kind) in tree.list_directory(&left.path)? {
        let child = join(&left.path, &name);
        let stay = restoration.take_stay(&child);
        let reason = tree.locate(&child)?.and_then(|found| restoration.rules.of(&child, &found));
        let known = left.extras.binary_search_by(|(known, _)| known.cmp(&name));
        let known = known.ok().map(|index| left.extras[index].1);
        if restoration.request.dry_run && stay.is_none() && reason.is_none() {
            // A restore would already have removed the objects of the earlier snapshot.
            let is_same =
                known.is_some_and(|known| (known == FsKind::Directory) == (kind == FsKind::Directory));
            if is_same {
                continue;
            }
        }
        match reason {
            Some(reason) if known.is_none() => restoration.tally.kept(reason, &child),
            None if stay != Some(true) => return Ok(Remaining::Others),
            _ => {}
        }
        remaining = Remaining::Kept;
    }
    Ok(remaining)
}

/// Fails unless a directory in the way may be removed with everything in it.
pub(crate) fn check_displaced(
    restoration: &Restoration<'_>,
    tree: &TargetTree,
    path: &[u8],
) -> Result<(), ProblemReason> {
    let Some(found) = tree.locate(path)? else { return Ok(()) };
    if restoration.rules.is_protected(found.device, found.inode) {
        return Err(ProblemReason::Own);
    }
    if tree.is_mount_point(path)? {
        return Err(ProblemReason::MountPoint);
    }
    if tree.list_directory(path)?.is_empty() {
        return Ok(());
    }
    if !restoration.request.delete {
        return Err(ProblemReason::DirectoryInTheWay);
    }
    let mut watch = Watch { is_displaced: true, ..Watch::new(restoration) };
    if !tree.remove(path, RemovalMode::Survey, &mut watch)? {
        return Err(ProblemReason::KeptInTheWay);
    }
    if restoration.request.dry_run {
        restoration.tally.count(|counts| counts.deleted_entries += watch.entries_displaced);
    }
    Ok(())
}

/// Fails if the verdict is that a directory is in the way, unless it is empty or may be deleted.
pub(crate) fn check_directory(
    restoration: &Restoration<'_>,
    tree: &TargetTree,
    candidate: &Candidate,
    verdict: Verdict,
) -> Result<(), ProblemReason> {
    if verdict == Verdict::Directory {
        check_displaced(restoration, tree, &candidate.entry.path)
    } else {
        Ok(())
    }
}

/// Removes a directory that is in the way.
pub(crate) fn displace(
    restoration: &Restoration<'_>,
    tree: &TargetTree,
    path: &[u8],
) -> Result<(), ProblemReason> {
    if tree.remove_empty_directory(path)? {
        return Ok(());
    }
    if !restoration.request.delete {
        return Err(ProblemReason::DirectoryInTheWay);
    }
    let mut watch = Watch { is_displaced: true, ..Watch::new(restoration) };
    let removed = tree.remove(path, RemovalMode::Remove, &mut watch);
    restoration.tally.count(|counts| counts.deleted_entries += watch.entries_displaced);
    if removed? { Ok(()) } else { Err(ProblemReason::KeptInTheWay) }
}
