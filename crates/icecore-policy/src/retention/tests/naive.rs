//! The rules as definitions about sets: slow, without a walk, with the names of periods as texts.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Span, Timestamp, Unit, Zoned, civil::date};

use super::*;

/// Returns the ids of the snapshots that rules keep, without the guard.
pub(super) fn kept(request: &RetentionRequest, items: &[RetentionItem]) -> BTreeSet<String> {
    let mut kept = BTreeSet::new();
    for one in items.iter().filter(|item| request.selection.matches(item)) {
        let is_same = |other: &&RetentionItem| {
            request.selection.matches(other)
                && (!request.group_by.host || other.host == one.host)
                && (!request.group_by.source || other.source == one.source)
                && (!request.group_by.tags || other.tags == one.tags)
        };
        let group: Vec<&RetentionItem> = items.iter().filter(is_same).collect();
        if is_kept(request, &group, one) {
            kept.insert(one.id.clone());
        }
    }
    kept
}

fn is_late(request: &RetentionRequest, item: &RetentionItem) -> bool {
    item.is_time_doubtful || item.time.as_second() - request.now.as_second() > 120
}

fn is_kept(request: &RetentionRequest, group: &[&RetentionItem], one: &RetentionItem) -> bool {
    if is_late(request, one) {
        return true;
    }
    if one.hold.as_ref().is_some_and(|hold| hold.until.is_none_or(|until| until > request.now)) {
        return true;
    }
    let counted: Vec<&RetentionItem> = group.iter().copied().filter(|item| !is_late(request, item)).collect();
    request.policy.rules().iter().any(|rule| keeps(rule, &request.zone, &counted, one))
}

fn key(item: &RetentionItem) -> (i128, u64, String) {
    (item.time.as_nanosecond(), item.sequence, item.id.clone())
}

fn keeps(rule: &RetentionRule, zone: &TimeZone, counted: &[&RetentionItem], one: &RetentionItem) -> bool {
    let (reach, oldest_stays) = match rule {
        RetentionRule::Tag(tag) => {
            return one
                .tags
                .iter()
                .any(|(key, value)| tag.to_string() == *key || tag.to_string() == format!("{key}={value}"));
        }
        RetentionRule::Periods { reach, .. } => (*reach, true),
        RetentionRule::HanoiDisc { .. } => (Reach::Newest("1".parse().unwrap()), false),
        RetentionRule::DayBlocks { count, .. } => (Reach::Newest(*count), false),
    };
    let anchor = counted.iter().max_by_key(|item| key(item)).unwrap();
    let in_reach = |item: &&&RetentionItem| match reach {
        Reach::Newest(_) => true,
        Reach::Within(duration) => item.time > start(&anchor.time.to_zoned(zone.clone()), duration),
    };
    // Members of each period, and the periods from the newest to the oldest.
    let mut members: BTreeMap<String, Vec<&RetentionItem>> = BTreeMap::new();
    for item in counted.iter().filter(in_reach) {
        if let Some(name) = period_name(rule, &item.time.to_zoned(zone.clone()), item) {
            members.entry(name).or_default().push(item);
        }
    }
    let all: Vec<&RetentionItem> = members.values().flatten().copied().collect();
    let mut periods: Vec<Vec<&RetentionItem>> = members.into_values().collect();
    periods.sort_by_key(|items| std::cmp::Reverse(items.iter().map(|item| key(item)).max()));
    let total = periods.len();
    let count = match reach {
        Reach::Newest(KeepCount::Newest(count)) => usize::try_from(count.get()).unwrap(),
        _ => usize::MAX,
    };
    periods.truncate(count);
    let is_newest = |items: &[&RetentionItem]| items.iter().all(|item| key(item) <= key(one));
    for items in &periods {
        let is_member = items.iter().any(|item| item.id == one.id);
        if is_member && (is_newest(items) || (!one.is_partial && is_newest(&whole_of(items)))) {
            return true;
        }
    }
    let is_in = all.iter().any(|item| item.id == one.id);
    let no_whole = periods.iter().flatten().all(|item| item.is_partial);
    if is_in && no_whole && !one.is_partial && is_newest(&whole_of(&all)) {
        return true;
    }
    let is_oldest = counted.iter().all(|item| key(item) >= key(one));
    oldest_stays && is_in && is_oldest && total < count
}

/// Returns the beginning of a window: the calendar first, then the hours.
fn start(anchor: &Zoned, duration: RetentionDuration) -> Timestamp {
    let months = i64::from(duration.years) * 12 + i64::from(duration.months);
    let civil = anchor.datetime() - Span::new().months(months);
    let civil = civil - Span::new().days(i64::from(duration.days));
    // Without a calendar part the offset of the anchor stays, even in an hour that is repeated.
    let moment = if civil == anchor.datetime() {
        anchor.timestamp()
    } else {
        civil.to_zoned(anchor.time_zone().clone()).unwrap().timestamp()
    };
    moment - Span::new().hours(i64::from(duration.hours))
}

fn whole_of<'a>(items: &[&'a RetentionItem]) -> Vec<&'a RetentionItem> {
    items.iter().copied().filter(|item| !item.is_partial).collect()
}

fn period_name(rule: &RetentionRule, moment: &Zoned, item: &RetentionItem) -> Option<String> {
    let format = |text: &str| Some(moment.strftime(text).to_string());
    let day = moment.date().since((Unit::Day, date(1970, 1, 1))).unwrap().get_days();
    match rule {
        RetentionRule::Periods { unit, .. } => match unit {
            PeriodUnit::Snapshot => Some(item.id.clone()),
            PeriodUnit::Hour => format("%Y-%m-%d %H %z"),
            PeriodUnit::Day => format("%Y-%j"),
            PeriodUnit::Week => format("%G-%V"),
            PeriodUnit::Month => format("%Y-%m"),
            PeriodUnit::Quarter => Some(format!(
                "{}-{}",
                moment.year(),
                "111222333444".as_bytes()[usize::try_from(moment.month()).unwrap() - 1]
            )),
            PeriodUnit::Year => format("%Y"),
        },
        RetentionRule::Tag(_) => None,
        RetentionRule::HanoiDisc { disc, discs } => {
            let divides = |power: u8| day % (1 << power) == 0;
            let moves = (0..*discs).rev().find(|power| divides(*power)).unwrap();
            (moves == *disc).then(|| day.to_string())
        }
        RetentionRule::DayBlocks { power, .. } => Some((day >> power).to_string()),
    }
}
