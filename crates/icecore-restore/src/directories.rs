//! Creates directories of the target, and lists the existing ones.

use icecore_format::entry::Marks;
use icecore_fs::{
    entry::EntryKind as FsKind,
    target::{DirectoryOutcome, Location, TargetTree},
};

use crate::{
    candidate::Candidate,
    frame::{Existing, Listing},
    report::{ProblemReason, RestoreAction},
    restoration::Restoration,
};

/// A directory of the target that exists, or would exist after a real run.
#[derive(Debug)]
pub(crate) struct OpenedDirectory {
    /// Its previous content.
    pub listing: Listing,
    /// Its location in the file system; none if it is new.
    pub location: Option<Location>,
}

impl OpenedDirectory {
    fn new() -> Self {
        Self { listing: Listing::New, location: None }
    }
}

/// Creates a directory of the target (in a dry run: finds out whether it would be created), and lists its
/// content.
pub(crate) fn open_directory(
    restoration: &Restoration<'_>,
    directory_path: &[u8],
    existing: Existing,
    candidate: Option<&Candidate>,
) -> Result<OpenedDirectory, ProblemReason> {
    let Some(tree) = restoration.tree else {
        note_directory(restoration, directory_path);
        return Ok(OpenedDirectory::new());
    };
    let is_new = if directory_path.is_empty() {
        false
    } else if restoration.request.dry_run {
        let found = if existing == Existing::Absent { None } else { tree.look_up(directory_path)? };
        match found {
            Some(found) if found.kind == FsKind::Directory => false,
            Some(found) => {
                check_displaced(restoration, tree, directory_path, (found.device, found.inode))?;
                note_replaced(restoration, directory_path);
                true
            }
            None => true,
        }
    } else {
        create_directory(restoration, tree, directory_path)?
    };
    if is_new {
        note_directory(restoration, directory_path);
        return Ok(OpenedDirectory::new());
    }
    let location = tree.locate(directory_path)?;
    if location.is_some_and(|found| restoration.rules.is_protected(found.device, found.inode)) {
        return Err(ProblemReason::Own);
    }
    if let Some(candidate) = candidate.filter(|candidate| {
        !restoration.request.dry_run && !candidate.entry.marks.contains(Marks::NOT_ENTERED)
    }) && (!directory_path.is_empty() || restoration.root.is_applied())
    {
        make_private(restoration, tree, directory_path, candidate);
    }
    let listing = list(restoration, tree, directory_path);
    Ok(OpenedDirectory { listing, location })
}

/// Fails if the object in the way of a directory must stay.
fn check_displaced(
    restoration: &Restoration<'_>,
    tree: &TargetTree,
    path: &[u8],
    (device, inode): (u64, u64),
) -> Result<(), ProblemReason> {
    if restoration.rules.is_protected(device, inode) {
        return Err(ProblemReason::Own);
    }
    if tree.is_mount_point(path)? { Err(ProblemReason::MountPoint) } else { Ok(()) }
}

fn list(restoration: &Restoration<'_>, tree: &TargetTree, directory_path: &[u8]) -> Listing {
    match tree.list_directory(directory_path) {
        Ok(names) => Listing::Known(names.into_iter().peekable()),
        Err(error) => {
            let reason = error.source.to_string();
            restoration.tally.warn_aspect("listing of the directory", directory_path, reason, false);
            Listing::Unknown
        }
    }
}

/// Makes an existing directory private, so that nobody sees restored content who may not see it in the end.
fn make_private(
    restoration: &Restoration<'_>,
    tree: &TargetTree,
    directory_path: &[u8],
    candidate: &Candidate,
) {
    let options = candidate.apply_options(restoration.request);
    let (metadata, attributes) = (candidate.metadata(), &candidate.entry.attributes);
    if let Err(error) = tree.make_private(directory_path, &metadata, attributes, &options) {
        // The failure is reported when the directory is completed.
        tracing::debug!(%error, "an existing directory could not be made private at once");
    }
}

/// Creates a directory and replaces anything else; returns whether it is new.
fn create_directory(
    restoration: &Restoration<'_>,
    tree: &TargetTree,
    directory_path: &[u8],
) -> Result<bool, ProblemReason> {
    let error = match tree.create_directory(directory_path) {
        Ok(outcome) => return Ok(outcome == DirectoryOutcome::Created),
        Err(error) => error,
    };
    match tree.look_up(directory_path)? {
        Some(found) if found.kind != FsKind::Directory => {
            check_displaced(restoration, tree, directory_path, (found.device, found.inode))?;
            tree.remove_non_directory(directory_path)?;
            note_replaced(restoration, directory_path);
            Ok(tree.create_directory(directory_path)? == DirectoryOutcome::Created)
        }
        _ => Err(error.into()),
    }
}

fn note_directory(restoration: &Restoration<'_>, directory_path: &[u8]) {
    restoration.tally.count(|counts| counts.directories_created += 1);
    restoration.tally.action(RestoreAction::Create, directory_path);
}

fn note_replaced(restoration: &Restoration<'_>, directory_path: &[u8]) {
    restoration.tally.count(|counts| counts.replaced += 1);
    restoration.tally.action(RestoreAction::Replace, directory_path);
}
