//! Follows the selection of a restore to its end.

use crate::{
    error::RestoreResult,
    report::ProblemReason,
    restoration::Restoration,
    selection::{Selected, Selection},
    steps::Step,
    walker::{Purpose, Walker},
};

/// Follows the selection to its end; `carry_out` takes the collected steps.
pub(crate) fn walk(
    restoration: &Restoration<'_>,
    purpose: Purpose,
    selection: &mut Selection<'_>,
    mut carry_out: impl FnMut(Vec<Step>),
) -> RestoreResult<()> {
    let mut walker = Walker::new(restoration, purpose, selection);
    // If nothing at all can be read, the restore as a whole has failed.
    let mut first_gap = None;
    let mut is_anything_found = false;
    let mut last_path = Vec::new();
    while let Some(selected) = selection.next()? {
        match selected {
            Selected::Gap(error) => {
                walker.gap();
                if !is_anything_found && first_gap.is_none() {
                    first_gap = Some(error);
                } else {
                    restoration.tally.problem(&last_path, ProblemReason::ManifestGap(error));
                }
                continue;
            }
            Selected::Entry(candidate) => {
                last_path.clone_from(&candidate.entry.path);
                walker.entry(selection, candidate)?;
            }
            Selected::Removed(entry) => walker.removed(selection, entry)?,
        }
        is_anything_found = true;
        if let Some(error) = first_gap.take() {
            restoration.tally.problem(&[], ProblemReason::ManifestGap(error));
        }
        if walker.is_full() {
            carry_out(walker.take_steps());
        }
        if restoration.is_stopped() {
            return Ok(());
        }
    }
    if let Some(error) = first_gap {
        return Err(error.into());
    }
    walker.finish();
    carry_out(walker.take_steps());
    Ok(())
}
