//! Restores one object that is not a directory.

use icecore_format::entry::EntryKind;
use icecore_fs::target::TargetTree;

use crate::{
    candidate::{Candidate, fs_kind},
    context::Context,
    deletion, file, metadata, outcome,
    report::ProblemReason,
    verdict::Verdict,
};

/// Does what the verdict says, notes how it went, and says whether it went well.
pub(crate) fn restore_object(context: &Context<'_>, candidate: &Candidate, verdict: Verdict) -> bool {
    let outcome = context.check().and_then(|()| {
        let Some(tree) = context.tree else { return Ok(()) };
        match verdict {
            Verdict::Right { time } => metadata::fix_metadata(context, tree, candidate, time),
            Verdict::Compare { replace } => file::update(context, tree, candidate, replace),
            Verdict::Create | Verdict::Replace { .. } | Verdict::Directory => {
                deletion::check_directory(context, tree, candidate, verdict)?;
                create(context, tree, candidate, verdict)
            }
        }
    });
    let is_restored = outcome.is_ok();
    outcome::finish_object(context, candidate, 0, outcome);
    is_restored
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
    outcome::note_created(context, candidate, verdict);
    Ok(())
}
