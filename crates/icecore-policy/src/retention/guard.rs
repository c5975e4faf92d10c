//! The guard: what is not forgotten without a confirmation.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    item::RetentionItem,
    plan::{GuardReason, ShareRefusal, UnusualChange},
};

/// Share of a group's snapshots that may go without a confirmation, if nothing else is given.
pub const SHARE_PERCENT_DEFAULT: u8 = 50;
/// Fewest files before a drop: with fewer, every change is a large share.
const FILES_MIN: u64 = 10;
/// How much more than usual has to be new, as a factor.
const ADDED_FACTOR: u64 = 10;
/// Most earlier snapshots that show what is usual.
const USUAL_MAX: usize = 7;
/// Fewest earlier snapshots that show what is usual.
const USUAL_MIN: usize = 3;

/// Limits of the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardLimits {
    /// Share of a group's snapshots, in percent, that may go without a confirmation. If rules were applied
    /// before ([`RetentionItem::is_reviewed`]), only those snapshots count that the same rules would have
    /// forgotten then: a timer that forgets what has become old needs no confirmation, stricter rules do.
    pub share_percent_max: u8,
}

impl Default for GuardLimits {
    fn default() -> Self {
        Self { share_percent_max: SHARE_PERCENT_DEFAULT }
    }
}

impl GuardLimits {
    /// Returns the refusal if more than the share would go.
    pub(super) fn refusal(self, refusal: ShareRefusal) -> Option<ShareRefusal> {
        let exceeds = refusal.forgotten * 100 > refusal.of * usize::from(self.share_percent_max);
        exceeds.then_some(refusal)
    }
}

/// Returns the reasons to keep snapshots, by id, although the rules would forget those of `forgotten`.
/// `items` are all snapshots of the repository, those included that the rules do not apply to.
pub(super) fn reasons<'a>(
    items: &'a [RetentionItem],
    forgotten: &BTreeSet<&str>,
) -> BTreeMap<&'a str, Vec<GuardReason>> {
    let mut lines: BTreeMap<(&str, &str), Vec<&RetentionItem>> = BTreeMap::new();
    for item in items {
        lines.entry(item.origin()).or_default().push(item);
    }
    let mut reasons: BTreeMap<&str, Vec<GuardReason>> = BTreeMap::new();
    for mut line in lines.into_values() {
        line.sort_by_key(|item| item.place());
        if line.iter().any(|item| !item.is_partial) {
            line.retain(|item| !item.is_partial);
        }
        let survives = line.iter().any(|item| !forgotten.contains(item.id.as_str()));
        if let Some(last) = line.last().filter(|_| !survives) {
            reasons.entry(&last.id).or_default().push(GuardReason::LastOfSource);
        }
        // Nobody knows what was before and after a doubtful time.
        line.retain(|item| !item.is_time_doubtful);
        for index in 1..line.len() {
            if let Some(change) = unusual_change(&line[..index], line[index]) {
                let changed = line[index].id.clone();
                let before = GuardReason::BeforeChange { change, changed };
                reasons.entry(&line[index - 1].id).or_default().push(before);
                reasons.entry(&line[index].id).or_default().push(GuardReason::Changed(change));
            }
        }
    }
    reasons
}

/// Compares a snapshot with those before it.
fn unusual_change(before: &[&RetentionItem], item: &RetentionItem) -> Option<UnusualChange> {
    let from = before.last()?.files;
    if from >= FILES_MIN && item.files < from.div_ceil(2) {
        return Some(UnusualChange::FilesDropped { from, to: item.files });
    }
    let added = item.added_bytes?;
    let usual: Vec<u64> = before.iter().rev().filter_map(|item| item.added_bytes).take(USUAL_MAX).collect();
    let usual_max = *usual.iter().max().filter(|_| usual.len() >= USUAL_MIN)?;
    let is_unusual = added > item.bytes / 2 && added > usual_max.saturating_mul(ADDED_FACTOR);
    is_unusual.then_some(UnusualChange::BytesAdded { added, usual_max, total: item.bytes })
}

#[cfg(test)]
mod tests;
