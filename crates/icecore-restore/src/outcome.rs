//! Notes how it went with one object.

use crate::{
    candidate::Candidate,
    report::{ProblemReason, RestoreAction},
    restoration::Restoration,
    verdict::Verdict,
};

/// Notes how it went with an object of which `bytes_told` bytes are in the progress already.
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

/// Counts what was there before, and tells what was done.
pub(crate) fn note_created(restoration: &Restoration<'_>, candidate: &Candidate, verdict: Verdict) {
    let action = action_of(verdict);
    let other_kind = matches!(verdict, Verdict::Directory | Verdict::Replace { other_kind: true });
    restoration.tally.count(|counts| counts.replaced += u64::from(other_kind));
    restoration.tally.action(action, &candidate.entry.path);
}

/// Returns what a verdict amounts to.
fn action_of(verdict: Verdict) -> RestoreAction {
    match verdict {
        Verdict::Create => RestoreAction::Create,
        Verdict::Replace { .. } | Verdict::Directory => RestoreAction::Replace,
        Verdict::Compare { .. } => RestoreAction::Update,
        Verdict::Right { .. } => RestoreAction::Metadata,
    }
}
