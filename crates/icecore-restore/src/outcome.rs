//! Notes the result for one object.

use crate::{
    candidate::Candidate,
    report::{ProblemReason, RestoreAction},
    restoration::Restoration,
    verdict::Verdict,
};

/// Notes the result for an object; `bytes_told` bytes of it are already in the progress.
pub(crate) fn finish_object(
    restoration: &Restoration<'_>,
    candidate: &Candidate,
    bytes_told: u64,
    outcome: Result<(), ProblemReason>,
) {
    let entry = &candidate.entry;
    if let Err(reason) = outcome {
        restoration.fail(candidate, reason);
    }
    let bytes = entry.size.saturating_sub(bytes_told);
    restoration.tally.progress_entry(&entry.path, candidate.is_file(), bytes);
}

/// Counts the replaced object, and reports the action.
pub(crate) fn note_created(restoration: &Restoration<'_>, candidate: &Candidate, verdict: Verdict) {
    let action = action_of(verdict);
    let other_kind = matches!(verdict, Verdict::Directory | Verdict::Replace { other_kind: true });
    restoration.tally.count(|counts| counts.replaced += u64::from(other_kind));
    restoration.tally.action(action, &candidate.entry.path);
}

/// Returns the action of a verdict.
fn action_of(verdict: Verdict) -> RestoreAction {
    match verdict {
        Verdict::Create => RestoreAction::Create,
        Verdict::Replace { .. } | Verdict::Directory => RestoreAction::Replace,
        Verdict::Compare { .. } => RestoreAction::Update,
        Verdict::Right { .. } => RestoreAction::Metadata,
    }
}
