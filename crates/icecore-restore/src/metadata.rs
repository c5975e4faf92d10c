//! Sets the metadata of an object whose content is right.

use icecore_fs::{
    entry::Metadata,
    target::{ApplyOptions, TargetTree},
};

use crate::{
    candidate::Candidate,
    report::{ProblemReason, RestoreAction},
    restoration::Restoration,
};

/// Sets the owner, mode, attributes and time of an object whose content is right, if they differ. If nothing
/// differs, nothing is touched, so the next backup of the target does not see a change.
pub(crate) fn fix_metadata(
    restoration: &Restoration<'_>,
    tree: &TargetTree,
    candidate: &Candidate,
    time_is_right: bool,
) -> Result<(), ProblemReason> {
    let entry = &candidate.entry;
    let before = tree.look_up(&entry.path)?;
    let options = ApplyOptions { times: !time_is_right, ..candidate.apply_options(restoration.request) };
    let warnings = tree.apply_metadata(&entry.path, &candidate.metadata(), &entry.attributes, &options)?;
    restoration.tally.warn(warnings);
    let visible = |found: Metadata| {
        (found.mode, found.user_id, found.group_id, found.modified, found.changed, found.inode_flags)
    };
    let is_changed = before.map(visible) != tree.look_up(&entry.path)?.map(visible);
    if is_changed {
        restoration.tally.action(RestoreAction::Metadata, &entry.path);
    }
    restoration.tally.count(|counts| {
        counts.metadata_fixed += u64::from(is_changed);
        counts.already_right += u64::from(!is_changed);
    });
    Ok(())
}
