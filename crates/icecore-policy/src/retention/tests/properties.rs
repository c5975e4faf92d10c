use std::collections::BTreeSet;

use jiff::SignedDuration;
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

/// Zones, each with moments around which its calendar is unusual.
const PLACES: [(&str, &[&str]); 6] = [
    ("UTC", &["2024-02-29T12:00:00Z", "2026-12-31T23:00:00Z", "1969-12-31T20:00:00Z"]),
    ("Europe/Berlin", &["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2024-12-31T23:00:00Z"]),
    ("America/Sao_Paulo", &["2018-11-04T03:00:00Z", "2018-02-18T02:00:00Z", "2019-02-17T02:00:00Z"]),
    ("America/St_Johns", &["2006-10-29T02:31:00Z", "2007-03-11T03:31:00Z"]),
    ("Pacific/Apia", &["2011-12-30T10:00:00Z", "2012-01-01T10:00:00Z"]),
    ("Australia/Lord_Howe", &["2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z"]),
];
/// Distances between snapshots in minutes; equal moments are frequent.
const STEPS: [i64; 11] = [0, 0, 1, 30, 30, 60, 360, 1440, 1440, 10_080, 43_200];

fn rule() -> impl Strategy<Value = RetentionRule> {
    let counts = select(vec!["1", "2", "3", "7", "unlimited"]);
    let durations = select(vec!["1h", "25h", "1d", "2d3h", "7d", "1m", "3m2d", "1y", "1y1m1d1h"]);
    let unit = || select(PeriodUnit::ALL.to_vec());
    prop_oneof![
        5 => (unit(), counts.clone()).prop_map(|(unit, count)| newest(unit, count)),
        3 => (unit(), durations).prop_map(|(unit, duration)| within(unit, duration)),
        1 => select(vec!["plan", "plan=a"]).prop_map(|tag| RetentionRule::Tag(tag.parse().unwrap())),
        1 => (0_u8..3).prop_map(|disc| RetentionRule::HanoiDisc { disc, discs: 3 }),
        1 => (0_u8..6, counts).prop_map(|(power, count)| {
            RetentionRule::DayBlocks { power, count: count.parse().unwrap() }
        }),
    ]
}

fn policy() -> impl Strategy<Value = RetentionPolicy> {
    prop_oneof![
        4 => vec(rule(), 1..4).prop_filter_map("rules contradict each other", |rules| {
            RetentionPolicy::new(rules, None).ok()
        }),
        1 => select(Scheme::ALL.to_vec())
            .prop_map(|scheme| RetentionPolicy::new(Vec::new(), Some(scheme)).unwrap()),
    ]
}

/// Rules that count, whose result does not depend on how often they are applied.
fn counting_policy() -> impl Strategy<Value = RetentionPolicy> {
    policy().prop_filter("a window", |policy| {
        !policy.rules().iter().any(|rule| matches!(rule.reach(), Some(Reach::Within(_))))
    })
}

/// Returns snapshots in the order of time, with a zone in which some of their times are unusual.
fn history() -> impl Strategy<Value = (TimeZone, Vec<RetentionItem>)> {
    let step = (select(STEPS.to_vec()), 0_u8..4, 0_u8..10, 0_u64..3);
    (select(PLACES.to_vec()), 0_usize..3, prop_oneof![0_i64..150, 0_i64..4000], vec(step, 1..40)).prop_map(
        |((zone, moments), moment, before, steps)| {
            let around: Timestamp = moments[moment % moments.len()].parse().unwrap();
            let mut time = around - SignedDuration::from_mins(before);
            let mut items = Vec::new();
            for (index, (minutes, partial, tag, sequence)) in steps.into_iter().enumerate() {
                time += SignedDuration::from_mins(minutes);
                let mut item = RetentionItem::new(format!("{index:02}"), time, "web1", "home");
                item.is_partial = partial == 0;
                item.sequence = sequence;
                if tag < 2 {
                    item.tags.insert("plan".to_owned(), ["a", "b"][usize::from(tag)].to_owned());
                }
                items.push(item);
            }
            (TimeZone::get(zone).unwrap(), items)
        },
    )
}

/// What is unusual about a snapshot: a doubtful time, a hold, another host.
fn oddities() -> impl Strategy<Value = Vec<(bool, bool, bool)>> {
    vec((prop::bool::weighted(0.1), prop::bool::weighted(0.1), prop::bool::weighted(0.3)), 40)
}

fn request_of(policy: RetentionPolicy, zone: TimeZone) -> RetentionRequest {
    RetentionRequest { policy, zone, ..request(vec![newest(PeriodUnit::Day, "1")]) }
}

fn kept_set(request: &RetentionRequest, items: &[RetentionItem]) -> BTreeSet<String> {
    kept(request, items).into_iter().collect()
}

/// Applies the rules after each `every` snapshots, and at the end.
fn applied(request: &RetentionRequest, items: &[RetentionItem], every: usize) -> BTreeSet<String> {
    let mut present: Vec<RetentionItem> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        present.push(item.clone());
        if index % every == 0 || index + 1 == items.len() {
            let kept = kept_set(request, &present);
            present.retain(|item| kept.contains(&item.id));
        }
    }
    present.into_iter().map(|item| item.id).collect()
}

/// Gives the snapshots the numbers of the order in which they come.
fn number(items: &mut [RetentionItem]) {
    for (index, item) in items.iter_mut().enumerate() {
        item.sequence = u64::try_from(index).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn plans_are_those_of_the_naive_implementation(
        policy in policy(),
        (zone, mut items) in history(),
        oddities in oddities(),
        group_by in select(vec!["host,source", "host,source,tags", ""]),
        last in 0_usize..40,
    ) {
        for (item, (doubtful, held, other)) in items.iter_mut().zip(oddities) {
            item.is_time_doubtful = doubtful;
            item.hold = held.then(RetentionHold::default);
            item.host = if other { "web2" } else { "web1" }.to_owned();
        }
        // Snapshots after the present are from the future.
        let now = items[last.min(items.len() - 1)].time;
        let request = RetentionRequest { now, group_by: group_by.parse().unwrap(), ..request_of(policy, zone) };
        prop_assert_eq!(kept_set(&request, &items), naive::kept(&request, &items));
    }

    #[test]
    fn the_order_of_the_list_does_not_matter(policy in policy(), (zone, items) in history(), by in 0_usize..40) {
        let request = RetentionRequest { guard: Some(GuardLimits::default()), ..request_of(policy, zone) };
        let mut turned = items.clone();
        turned.rotate_left(by % items.len());
        prop_assert_eq!(plan(&request, &items), plan(&request, &turned));
        turned.reverse();
        prop_assert_eq!(plan(&request, &items), plan(&request, &turned));
    }

    #[test]
    fn what_was_kept_is_kept_again(policy in policy(), (zone, mut items) in history()) {
        let request = request_of(policy, zone);
        let first = kept_set(&request, &items);
        items.retain(|item| first.contains(&item.id));
        prop_assert_eq!(kept_set(&request, &items), first);
    }

    #[test]
    fn rules_that_count_give_the_same_however_often_they_are_applied(
        policy in counting_policy(),
        (zone, mut items) in history(),
        every in 1_usize..6,
    ) {
        number(&mut items);
        let request = request_of(policy, zone);
        prop_assert_eq!(applied(&request, &items, every), kept_set(&request, &items));
    }

    #[test]
    fn windows_keep_at_least_as_much_if_they_are_applied_often(
        policy in policy(),
        (_, mut items) in history(),
        every in 1_usize..6,
    ) {
        number(&mut items);
        let request = request_of(policy, TimeZone::UTC);
        let rarely = kept_set(&request, &items);
        prop_assert!(applied(&request, &items, every).is_superset(&rarely));
    }

    #[test]
    fn the_newest_and_the_newest_whole_snapshot_survive_rules_that_count(
        policy in counting_policy().prop_filter("tags alone may keep nothing", |policy| {
            policy.rules().iter().any(|rule| matches!(rule, RetentionRule::Periods { .. }))
        }),
        (zone, items) in history(),
    ) {
        let kept = kept_set(&request_of(policy, zone), &items);
        let newest = |items: &[&RetentionItem]| {
            items.iter().max_by_key(|item| item.place()).map(|item| item.id.clone())
        };
        let all: Vec<_> = items.iter().collect();
        let whole: Vec<_> = items.iter().filter(|item| !item.is_partial).collect();
        for id in newest(&all).into_iter().chain(newest(&whole)) {
            prop_assert!(kept.contains(&id), "{}", id);
        }
    }

    #[test]
    fn every_rule_that_looks_at_a_snapshot_has_a_reason(policy in policy(), (zone, items) in history()) {
        let request = request_of(policy, zone);
        let plan = plan(&request, &items).unwrap();
        for decision in plan.decisions() {
            let item = items.iter().find(|item| item.id == decision.id).unwrap();
            let moment = civil::CivilMoment::new(item.time, &request.zone);
            let looks = |rule: &&RetentionRule| {
                matches!(rule, RetentionRule::Tag(_)) || rule.period(&moment).is_some()
            };
            let rules = request.policy.rules().iter().filter(looks).count();
            match &decision.fate {
                RetentionFate::Keep(reasons) => prop_assert!((1..=rules).contains(&reasons.len())),
                RetentionFate::Forget(reasons) => prop_assert_eq!(reasons.len(), rules),
            }
        }
    }
}
