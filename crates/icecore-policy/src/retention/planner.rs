//! From rules and snapshots to a plan.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, tz::TimeZone};

use super::{
    error::RetentionError,
    evaluation::{Setting, fates},
    guard::{self, GuardLimits},
    item::RetentionItem,
    plan::{Decision, GroupPlan, KeepReason, RetentionFate, RetentionPlan, ShareRefusal},
    policy::RetentionPolicy,
    selection::{GroupBy, RetentionSelection},
};

/// Everything that a plan depends on apart from the snapshots.
#[derive(Clone, Debug)]
pub struct RetentionRequest {
    /// Rules.
    pub policy: RetentionPolicy,
    /// Snapshots that the rules apply to.
    pub selection: RetentionSelection,
    /// Which of them are counted together.
    pub group_by: GroupBy,
    /// Time zone of the calendar.
    pub zone: TimeZone,
    /// The present: ends holds, and finds snapshots from the future. It should be the earliest of the known
    /// clocks: a clock that is behind only keeps more snapshots.
    pub now: Timestamp,
    /// Limits of the guard; none if the user has confirmed the plan.
    pub guard: Option<GuardLimits>,
}

/// Decides on every selected snapshot. `items` are all complete snapshots of the repository, in any order:
/// the guard looks at those that are not selected, too.
pub fn plan(request: &RetentionRequest, items: &[RetentionItem]) -> Result<RetentionPlan, RetentionError> {
    check(request, items)?;
    let setting = Setting { policy: &request.policy, zone: &request.zone, now: request.now };
    let mut groups: BTreeMap<_, Vec<&RetentionItem>> = BTreeMap::new();
    for item in items.iter().filter(|item| request.selection.matches(item)) {
        groups.entry(request.group_by.key(item)).or_default().push(item);
    }
    for members in groups.values_mut() {
        members.sort_by_key(|item| item.place());
    }
    let mut plans = Vec::with_capacity(groups.len());
    for (key, members) in &groups {
        let decisions = members.iter().zip(fates(setting, members));
        let decisions = decisions.map(|(item, fate)| Decision { id: item.id.clone(), fate }).collect();
        plans.push(GroupPlan { key: key.clone(), decisions, refusal: None });
    }
    let mut plan = RetentionPlan { groups: plans };
    if let Some(limits) = request.guard {
        protect(&mut plan, items);
        for (group, members) in plan.groups.iter_mut().zip(groups.values()) {
            group.refusal = limits.refusal(share(setting, members, &group.decisions));
        }
    }
    Ok(plan)
}

fn check(request: &RetentionRequest, items: &[RetentionItem]) -> Result<(), RetentionError> {
    if let Some(percent) = request.guard.map(|limits| limits.share_percent_max).filter(|share| *share > 100) {
        return Err(RetentionError::Share { percent });
    }
    let mut ids = BTreeSet::new();
    match items.iter().find(|item| !ids.insert(item.id.as_str())) {
        Some(item) => Err(RetentionError::SnapshotTwice { id: item.id.clone() }),
        None => Ok(()),
    }
}

/// Keeps the snapshots that the guard has a reason for.
fn protect(plan: &mut RetentionPlan, items: &[RetentionItem]) {
    let forgotten = plan.forgotten().map(|decision| decision.id.as_str()).collect();
    let mut reasons = guard::reasons(items, &forgotten);
    for decision in plan.groups.iter_mut().flat_map(|group| &mut group.decisions) {
        if let (RetentionFate::Forget(_), Some(reasons)) =
            (&decision.fate, reasons.remove(decision.id.as_str()))
        {
            decision.fate = RetentionFate::Keep(reasons.into_iter().map(KeepReason::Guard).collect());
        }
    }
}

/// Counts the snapshots that go and are not simply old by now.
fn share(setting: Setting<'_>, members: &[&RetentionItem], decisions: &[Decision]) -> ShareRefusal {
    let goes: BTreeSet<&str> = decisions
        .iter()
        .filter(|decision| !decision.is_kept())
        .map(|decision| decision.id.as_str())
        .collect();
    let reviewed: Vec<&RetentionItem> = members.iter().copied().filter(|item| item.is_reviewed).collect();
    if reviewed.is_empty() {
        return ShareRefusal { forgotten: goes.len(), of: members.len(), is_first: true };
    }
    // The rules that kept these snapshots would keep all of them again.
    let before = reviewed.iter().zip(fates(setting, &reviewed));
    let dropped =
        before.filter(|(item, fate)| matches!(fate, RetentionFate::Forget(_)) && goes.contains(&*item.id));
    ShareRefusal { forgotten: dropped.count(), of: reviewed.len(), is_first: false }
}
