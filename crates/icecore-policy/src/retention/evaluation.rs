//! Rules applied to the snapshots of one group.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    civil::CivilMoment,
    item::RetentionItem,
    period::Period,
    plan::{ForgetReason, KeepReason, PeriodStanding, RetentionFate},
    policy::RetentionPolicy,
    rule::{KeepCount, Reach, RetentionRule},
};

/// How far in the future a snapshot may seem to be before its time is doubtful: clocks differ a little.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(2);

/// When and where rules are applied.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    pub policy: &'a RetentionPolicy,
    pub zone: &'a TimeZone,
    pub now: Timestamp,
}

/// A snapshot whose time can be trusted.
struct Counted<'a> {
    /// Its index among the items.
    index: usize,
    item: &'a RetentionItem,
    moment: CivilMoment,
}

/// Reasons for and against a snapshot.
#[derive(Default)]
struct Verdict {
    keep: Vec<KeepReason>,
    forget: Vec<ForgetReason>,
}

/// Returns the fate of each item. The items are those of one group, the oldest first.
pub(super) fn fates(setting: Setting<'_>, items: &[&RetentionItem]) -> Vec<RetentionFate> {
    let mut verdicts: Vec<Verdict> = items.iter().map(|item| of_itself(setting, item)).collect();
    let counted: Vec<Counted<'_>> = items
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, item)| !is_doubtful(setting, item))
        .map(|(index, item)| Counted { index, item, moment: CivilMoment::new(item.time, setting.zone) })
        .collect();
    for rule in setting.policy.rules() {
        if let Some(reach) = rule.reach() {
            apply(setting, rule, reach, &counted, &mut verdicts);
        }
    }
    let fate = |verdict: Verdict| match verdict {
        Verdict { keep, forget } if keep.is_empty() => RetentionFate::Forget(forget),
        Verdict { keep, .. } => RetentionFate::Keep(keep),
    };
    verdicts.into_iter().map(fate).collect()
}

fn is_doubtful(setting: Setting<'_>, item: &RetentionItem) -> bool {
    let latest = setting.now.saturating_add(CLOCK_TOLERANCE).unwrap_or(Timestamp::MAX);
    item.is_time_doubtful || item.time > latest
}

/// Collects the reasons that do not depend on other snapshots.
fn of_itself(setting: Setting<'_>, item: &RetentionItem) -> Verdict {
    let mut verdict = Verdict::default();
    if let Some(hold) = item.hold.as_ref().filter(|hold| hold.applies(setting.now)) {
        verdict.keep.push(KeepReason::Hold(hold.clone()));
    }
    if is_doubtful(setting, item) {
        verdict.keep.push(KeepReason::DoubtfulTime);
    }
    for rule in setting.policy.rules() {
        match rule {
            RetentionRule::Tag(tag) if tag.matches(&item.tags) => {
                verdict.keep.push(KeepReason::Tag(tag.clone()));
            }
            RetentionRule::Tag(tag) => verdict.forget.push(ForgetReason::TagMissing(tag.clone())),
            _ => {}
        }
    }
    verdict
}

/// The snapshot that stands for a period.
struct Seat<'a> {
    by: &'a str,
    has_whole: bool,
}

/// State of a rule on its way from the newest snapshot to the oldest.
struct Walk<'a> {
    rule: &'a RetentionRule,
    count: KeepCount,
    /// Snapshots of this moment and older ones are outside of the window.
    until: Option<Timestamp>,
    /// Periods that have snapshots so far. Periods need not follow each other: where a clock is set back
    /// across midnight, a day comes back after the next one has begun.
    seats: HashMap<Period, Seat<'a>>,
    periods: usize,
    has_whole: bool,
}

/// Applies a rule; `counted` begins with the newest.
fn apply(
    setting: Setting<'_>,
    rule: &RetentionRule,
    reach: Reach,
    counted: &[Counted<'_>],
    verdicts: &mut [Verdict],
) {
    let Some(newest) = counted.first() else { return };
    let (count, until) = match reach {
        Reach::Newest(count) => (count, None),
        Reach::Within(duration) => {
            (KeepCount::Unlimited, Some(duration.before(newest.item.time, setting.zone)))
        }
    };
    let mut walk = Walk { rule, count, until, seats: HashMap::new(), periods: 0, has_whole: false };
    let last = counted.len() - 1;
    for (position, Counted { index, item, moment }) in counted.iter().enumerate() {
        let Some(period) = rule.period(moment) else { continue };
        let verdict = &mut verdicts[*index];
        match walk.judge(item, period, position == last) {
            Ok(standing) => {
                walk.has_whole |= !item.is_partial;
                verdict.keep.push(KeepReason::Rule { rule: rule.clone(), period, standing });
            }
            Err(reason) => verdict.forget.push(reason),
        }
    }
}

impl<'a> Walk<'a> {
    fn judge(
        &mut self,
        item: &'a RetentionItem,
        period: Period,
        is_last: bool,
    ) -> Result<PeriodStanding, ForgetReason> {
        let rule = || self.rule.clone();
        if let Some(until) = self.until.filter(|until| item.time <= *until) {
            return Err(ForgetReason::OutsideWindow { rule: rule(), until });
        }
        let may_keep_more = self.count.exceeds(self.periods);
        // A snapshot that is a period of its own takes nobody's seat.
        let seat = if period == Period::Snapshot { None } else { self.seats.get_mut(&period) };
        match seat {
            Some(seat) if !seat.has_whole && !item.is_partial => {
                seat.has_whole = true;
                Ok(PeriodStanding::NewestWhole)
            }
            Some(_) if is_last && may_keep_more && self.rule.keeps_oldest() => Ok(PeriodStanding::Oldest),
            Some(seat) => Err(ForgetReason::PeriodKept { rule: rule(), period, by: seat.by.to_owned() }),
            None if may_keep_more => {
                self.periods += 1;
                self.seats.insert(period, Seat { by: &item.id, has_whole: !item.is_partial });
                Ok(PeriodStanding::Newest)
            }
            // Partial snapshots do not push out the last whole one.
            None if !self.has_whole && !item.is_partial => Ok(PeriodStanding::NewestWhole),
            None => Err(ForgetReason::BeyondCount { rule: rule(), period }),
        }
    }
}
