//! Creates directories of the target, and finds out what is in those that are there.

use icecore_format::entry::Marks;
use icecore_fs::{
    entry::EntryKind as FsKind,
    target::{DirectoryOutcome, Location, TargetTree},
};

use crate::{
    candidate::Candidate,
    context::Context,
    frame::{Existing, Listing},
    report::{ProblemReason, RestoreAction},
};

/// A directory of the target that is there, or in a dry run would be.
#[derive(Debug)]
pub(crate) struct OpenedDirectory {
    /// What was in it.
    pub listing: Listing,
    /// Where it lies; none if it is new.
    pub location: Option<Location>,
}

impl OpenedDirectory {
    fn new() -> Self {
        Self { listing: Listing::New, location: None }
    }
}

/// Creates a directory of the target (in a dry run: finds out whether it would be), and lists what is in it.
pub(crate) fn open_directory(
    context: &Context<'_>,
    directory_path: &[u8],
    existing: Existing,
    candidate: Option<&Candidate>,
) -> Result<OpenedDirectory, ProblemReason> {
    let Some(tree) = context.tree else {
        note_directory(context, directory_path);
        return Ok(OpenedDirectory::new());
    };
    let is_new = if directory_path.is_empty() {
        false
    } else if context.request.dry_run {
        let found = if existing == Existing::Absent { None } else { tree.look_up(directory_path)? };
        match found {
            Some(found) if found.kind == FsKind::Directory => false,
            Some(found) => {
                check_displaced(context, tree, directory_path, (found.device, found.inode))?;
                note_replaced(context, directory_path);
                true
            }
            None => true,
        }
    } else {
        create_directory(context, tree, directory_path)?
    };
    if is_new {
        note_directory(context, directory_path);
        return Ok(OpenedDirectory::new());
    }
    let location = tree.locate(directory_path)?;
    if location.is_some_and(|found| context.rules.is_protected(found.device, found.inode)) {
        return Err(ProblemReason::Own);
    }
    if let Some(candidate) = candidate
        .filter(|candidate| !context.request.dry_run && !candidate.entry.marks.contains(Marks::NOT_ENTERED))
        && (!directory_path.is_empty() || context.root.is_applied())
    {
        make_private(context, tree, directory_path, candidate);
    }
    let listing = list(context, tree, directory_path);
    Ok(OpenedDirectory { listing, location })
}

/// Fails if the object in place of a directory must stay.
fn check_displaced(
    context: &Context<'_>,
    tree: &TargetTree,
    path: &[u8],
    (device, inode): (u64, u64),
) -> Result<(), ProblemReason> {
    if context.rules.is_protected(device, inode) {
        return Err(ProblemReason::Own);
    }
    if tree.is_mount_point(path)? { Err(ProblemReason::MountPoint) } else { Ok(()) }
}

fn list(context: &Context<'_>, tree: &TargetTree, directory_path: &[u8]) -> Listing {
    match tree.list_directory(directory_path) {
        Ok(names) => Listing::Known(names.into_iter().peekable()),
        Err(error) => {
            let reason = error.source.to_string();
            context.tally.warn_aspect("listing of the directory", directory_path, reason, false);
            Listing::Unknown
        }
    }
}

/// Makes sure that nobody sees what is restored into an existing directory who will not see it in the end.
fn make_private(context: &Context<'_>, tree: &TargetTree, directory_path: &[u8], candidate: &Candidate) {
    let options = candidate.apply_options(context.request);
    let (metadata, attributes) = (candidate.metadata(), &candidate.entry.attributes);
    if let Err(error) = tree.make_private(directory_path, &metadata, attributes, &options) {
        // It is told when the directory is completed.
        tracing::debug!(%error, "an existing directory could not be made private at once");
    }
}

/// Creates a directory, in place of anything else; says whether it is new.
fn create_directory(
    context: &Context<'_>,
    tree: &TargetTree,
    directory_path: &[u8],
) -> Result<bool, ProblemReason> {
    let error = match tree.create_directory(directory_path) {
        Ok(outcome) => return Ok(outcome == DirectoryOutcome::Created),
        Err(error) => error,
    };
    match tree.look_up(directory_path)? {
        Some(found) if found.kind != FsKind::Directory => {
            check_displaced(context, tree, directory_path, (found.device, found.inode))?;
            tree.remove_non_directory(directory_path)?;
            note_replaced(context, directory_path);
            Ok(tree.create_directory(directory_path)? == DirectoryOutcome::Created)
        }
        _ => Err(error.into()),
    }
}

fn note_directory(context: &Context<'_>, directory_path: &[u8]) {
    context.tally.count(|counts| counts.directories_created += 1);
    context.tally.action(RestoreAction::Create, directory_path);
}

fn note_replaced(context: &Context<'_>, directory_path: &[u8]) {
    context.tally.count(|counts| counts.replaced += 1);
    context.tally.action(RestoreAction::Replace, directory_path);
}
