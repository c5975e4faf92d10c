//! Restores one object that is not a directory.

use icecore_format::entry::EntryKind;
use icecore_fs::target::TargetTree;

use crate::{
    candidate::{Candidate, fs_kind},
    deletion, file, metadata, outcome,
    report::ProblemReason,
    restoration::Restoration,
    verdict::Verdict,
};

/// Carries out the verdict, notes the result, and returns whether it succeeded.
pub(crate) fn restore_object(restoration: &Restoration<'_>, candidate: &Candidate, verdict: Verdict) -> bool {
    let outcome = restoration.check().and_then(|()| {
        let Some(tree) = restoration.tree else { return Ok(()) };
        match verdict {
            Verdict::Right { time } => metadata::fix_metadata(restoration, tree, candidate, time),
            Verdict::Compare { replace } => file::update(restoration, tree, candidate, replace),
            Verdict::Create | Verdict::Replace { .. } | Verdict::Directory => {
                deletion::check_directory(restoration, tree, candidate, verdict)?;
                create(restoration, tree, candidate, verdict)
            }
        }
    });
    let is_restored = outcome.is_ok();
    outcome::finish_object(restoration, candidate, 0, outcome);
    is_restored
}

fn create(
    restoration: &Restoration<'_>,
    tree: &TargetTree,
    candidate: &Candidate,
    verdict: Verdict,
) -> Result<(), ProblemReason> {
    let entry = &candidate.entry;
    if entry.kind == EntryKind::File {
        return file::write(restoration, tree, candidate, None, verdict);
    }
    if verdict == Verdict::Directory {
        deletion::displace(restoration, tree, &entry.path)?;
    }
    let is_symlink = entry.kind == EntryKind::Symlink;
    if is_symlink {
        tree.create_symlink(&entry.path, &entry.target)?;
    } else if let Some(warning) =
        tree.create_special(&entry.path, fs_kind(entry.kind), entry.special_device, entry.mode)?
    {
        restoration.tally.warn(vec![warning]);
        return Ok(());
    }
    let options = candidate.apply_options(restoration.request);
    let warnings = tree.apply_metadata(&entry.path, &candidate.metadata(), &entry.attributes, &options)?;
    restoration.tally.warn(warnings);
    restoration.tally.count(|counts| {
        counts.symlinks_created += u64::from(is_symlink);
        counts.specials_created += u64::from(!is_symlink);
    });
    outcome::note_created(restoration, candidate, verdict);
    Ok(())
}
