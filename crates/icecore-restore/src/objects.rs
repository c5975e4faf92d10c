//! Restores one object that is not a directory.

use icecore_format::entry::EntryKind;
use icecore_fs::{
    entry::Metadata,
    target::{ApplyOptions, TargetTree},
};

use crate::{
    candidate::{Candidate, fs_kind},
    context::Context,
    deletion, file,
    report::{ProblemReason, RestoreAction},
    verdict::Verdict,
};

/// Does what the verdict says, notes how it went, and says whether it went well.
pub(crate) fn restore_object(context: &Context<'_>, candidate: &Candidate, verdict: Verdict) -> bool {
    let outcome = context.check().and_then(|()| {
        let Some(tree) = context.tree else { return Ok(()) };
        match verdict {
            Verdict::Right { time } => fix_metadata(context, tree, candidate, time),
            Verdict::Compare { replace } => file::update(context, tree, candidate, replace),
            Verdict::Create | Verdict::Replace { .. } | Verdict::Directory => {
                check_directory(context, tree, candidate, verdict)?;
                create(context, tree, candidate, verdict)
            }
        }
    });
    let is_restored = outcome.is_ok();
    finish_object(context, candidate, 0, outcome);
    is_restored
}

/// Notes how it went with an object of which `bytes_told` bytes are in the progress already.
pub(crate) fn finish_object(
    context: &Context<'_>,
    candidate: &Candidate,
    bytes_told: u64,
    outcome: Result<(), ProblemReason>,
) {
    let entry = &candidate.entry;
    if let Err(reason) = outcome {
        context.fail(candidate, reason);
    }
    let bytes = entry.size.saturating_sub(bytes_told);
    context.tally.progress_entry(&entry.path, candidate.is_file(), bytes);
}

/// Fails if the verdict is that a directory is in the way, unless it is empty or may be deleted.
pub(crate) fn check_directory(
    context: &Context<'_>,
    tree: &TargetTree,
    candidate: &Candidate,
    verdict: Verdict,
) -> Result<(), ProblemReason> {
    if verdict == Verdict::Directory {
        deletion::check_displaced(context, tree, &candidate.entry.path)
    } else {
        Ok(())
    }
}

fn create(
    context: &Context<'_>,
    tree: &TargetTree,
    candidate: &Candidate,
    verdict: Verdict,
) -> Result<(), ProblemReason> {
    let entry = &candidate.entry;
    if entry.kind == EntryKind::File {
        return file::write(context, tree, candidate, None, verdict);
    }
    if verdict == Verdict::Directory {
        deletion::displace(context, tree, &entry.path)?;
    }
    let is_symlink = entry.kind == EntryKind::Symlink;
    if is_symlink {
        tree.create_symlink(&entry.path, &entry.target)?;
    } else if let Some(warning) =
        tree.create_special(&entry.path, fs_kind(entry.kind), entry.special_device, entry.mode)?
    {
        context.tally.warn(vec![warning]);
        return Ok(());
    }
    let options = candidate.apply_options(context.request);
    let warnings = tree.apply_metadata(&entry.path, &candidate.metadata(), &entry.attributes, &options)?;
    context.tally.warn(warnings);
    context.tally.count(|counts| {
        counts.symlinks_created += u64::from(is_symlink);
        counts.specials_created += u64::from(!is_symlink);
    });
    note_created(context, candidate, verdict);
    Ok(())
}

/// Counts what was there before, and tells what was done.
pub(crate) fn note_created(context: &Context<'_>, candidate: &Candidate, verdict: Verdict) {
    let action = action_of(verdict);
    let other_kind = matches!(verdict, Verdict::Directory | Verdict::Replace { other_kind: true });
    context.tally.count(|counts| counts.replaced += u64::from(other_kind));
    context.tally.action(action, &candidate.entry.path);
}

/// Returns what a verdict amounts to.
pub(crate) fn action_of(verdict: Verdict) -> RestoreAction {
    match verdict {
        Verdict::Create => RestoreAction::Create,
        Verdict::Replace { .. } | Verdict::Directory => RestoreAction::Replace,
        Verdict::Compare { .. } => RestoreAction::Update,
        Verdict::Right { .. } => RestoreAction::Metadata,
    }
}

/// Sets what differs of owner, mode, attributes and time of an object whose content is right. Touches nothing if nothing
/// differs, so that the next backup of the target does not see a change.
pub(crate) fn fix_metadata(
    context: &Context<'_>,
    tree: &TargetTree,
    candidate: &Candidate,
    time_is_right: bool,
) -> Result<(), ProblemReason> {
    let entry = &candidate.entry;
    let before = tree.look_up(&entry.path)?;
    let options = ApplyOptions { times: !time_is_right, ..candidate.apply_options(context.request) };
    let warnings = tree.apply_metadata(&entry.path, &candidate.metadata(), &entry.attributes, &options)?;
    context.tally.warn(warnings);
    let visible = |found: Metadata| {
        (found.mode, found.user_id, found.group_id, found.modified, found.changed, found.inode_flags)
    };
    let is_changed = before.map(visible) != tree.look_up(&entry.path)?.map(visible);
    if is_changed {
        context.tally.action(RestoreAction::Metadata, &entry.path);
    }
    context.tally.count(|counts| {
        counts.metadata_fixed += u64::from(is_changed);
        counts.already_right += u64::from(!is_changed);
    });
    Ok(())
}
