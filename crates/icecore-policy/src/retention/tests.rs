//! Whole plans. `naive` decides in another way than the program; `properties` compares the two, and
//! `schemes` compares the schemes with their pictures in the documentation.

use jiff::{Timestamp, tz::TimeZone};

use super::*;

mod naive;
mod properties;
mod schemes;

fn item(id: &str, time: &str) -> RetentionItem {
    RetentionItem::new(id, time.parse().unwrap(), "web1", "home")
}

fn partial(id: &str, time: &str) -> RetentionItem {
    RetentionItem { is_partial: true, ..item(id, time) }
}

/// Returns one snapshot a day at noon, from 2026-01-01.
fn days(count: usize) -> Vec<RetentionItem> {
    let first: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    let time = |day: usize| first + jiff::SignedDuration::from_hours(24 * i64::try_from(day).unwrap());
    (0..count).map(|day| RetentionItem::new(format!("{day:03}"), time(day), "web1", "home")).collect()
}

fn newest(unit: PeriodUnit, count: &str) -> RetentionRule {
    RetentionRule::newest(unit, count.parse().unwrap())
}

fn within(unit: PeriodUnit, duration: &str) -> RetentionRule {
    RetentionRule::within(unit, duration.parse().unwrap())
}

/// Returns a request without guard, in UTC, in 2030.
fn request(rules: Vec<RetentionRule>) -> RetentionRequest {
    RetentionRequest {
        policy: RetentionPolicy::new(rules, None).unwrap(),
        selection: RetentionSelection::default(),
        group_by: GroupBy::default(),
        zone: TimeZone::UTC,
        now: "2030-01-01T00:00:00Z".parse().unwrap(),
        guard: None,
    }
}

fn guarded(rules: Vec<RetentionRule>) -> RetentionRequest {
    RetentionRequest { guard: Some(GuardLimits::default()), ..request(rules) }
}

fn kept(request: &RetentionRequest, items: &[RetentionItem]) -> Vec<String> {
    plan(request, items).unwrap().kept().map(|decision| decision.id.clone()).collect()
}

fn fate(request: &RetentionRequest, items: &[RetentionItem], id: &str) -> RetentionFate {
    let plan = plan(request, items).unwrap();
    plan.decisions().find(|decision| decision.id == id).unwrap().fate.clone()
}

fn by_rule(rule: &RetentionRule, period: Period, standing: PeriodStanding) -> KeepReason {
    KeepReason::Rule { rule: rule.clone(), period, standing }
}

#[test]
fn every_snapshot_has_its_reasons() {
    let items = [
        item("a", "2026-10-31T08:00:00Z"),
        item("b", "2026-11-29T08:00:00Z"),
        item("c", "2026-11-29T20:00:00Z"),
        item("d", "2026-11-30T08:00:00Z"),
    ];
    let (daily, monthly) = (newest(PeriodUnit::Day, "2"), newest(PeriodUnit::Month, "2"));
    let request = request(vec![daily.clone(), monthly.clone()]);
    let november = Period::Month { year: 2026, month: 11 };
    let day = |day| Period::Day(jiff::civil::date(2026, 11, day));
    assert_eq!(
        fate(&request, &items, "d"),
        RetentionFate::Keep(vec![
            by_rule(&daily, day(30), PeriodStanding::Newest),
            by_rule(&monthly, november, PeriodStanding::Newest)
        ])
    );
    assert_eq!(
        fate(&request, &items, "c"),
        RetentionFate::Keep(vec![by_rule(&daily, day(29), PeriodStanding::Newest)])
    );
    assert_eq!(
        fate(&request, &items, "b"),
        RetentionFate::Forget(vec![
            ForgetReason::PeriodKept { rule: daily, period: day(29), by: "c".to_owned() },
            ForgetReason::PeriodKept { rule: monthly.clone(), period: november, by: "d".to_owned() },
        ])
    );
    let october = Period::Month { year: 2026, month: 10 };
    assert_eq!(
        fate(&request, &items, "a"),
        RetentionFate::Keep(vec![by_rule(&monthly, october, PeriodStanding::Newest)])
    );
}

#[test]
fn the_example_of_the_document_is_right() {
    let times = ["09-30T20", "10-17T20", "10-31T20", "11-28T20", "11-29T20", "11-30T08", "11-30T20"];
    let items: Vec<_> = times.iter().map(|time| item(time, &format!("2026-{time}:00:00Z"))).collect();
    let kept_by = |rules| kept(&request(rules), &items);
    let (daily, monthly) = (newest(PeriodUnit::Day, "3"), newest(PeriodUnit::Month, "2"));
    assert_eq!(kept_by(vec![daily.clone()]), ["11-28T20", "11-29T20", "11-30T20"]);
    assert_eq!(kept_by(vec![monthly.clone()]), ["10-31T20", "11-30T20"]);
    assert_eq!(kept_by(vec![daily, monthly]), ["10-31T20", "11-28T20", "11-29T20", "11-30T20"]);
}

#[test]
fn a_rule_counts_periods_that_have_snapshots() {
    let items = [
        item("a", "2024-01-01T08:00:00Z"),
        item("b", "2025-06-01T08:00:00Z"),
        item("c", "2026-11-29T20:00:00Z"),
    ];
    let daily = newest(PeriodUnit::Day, "2");
    assert_eq!(kept(&request(vec![daily.clone()]), &items), ["b", "c"]);
    let reason =
        ForgetReason::BeyondCount { rule: daily.clone(), period: Period::Day(jiff::civil::date(2024, 1, 1)) };
    assert_eq!(fate(&request(vec![daily]), &items, "a"), RetentionFate::Forget(vec![reason]));
}

#[test]
fn the_oldest_snapshot_stays_as_long_as_a_rule_could_keep_more() {
    let hourly = |hour: u32| item(&format!("{hour:02}"), &format!("2026-11-29T{hour:02}:00:00Z"));
    let items: Vec<_> = (1..=4).map(hourly).collect();
    let two = newest(PeriodUnit::Day, "2");
    assert_eq!(kept(&request(vec![two.clone()]), &items), ["01", "04"]);
    let reason = by_rule(&two, Period::Day(jiff::civil::date(2026, 11, 29)), PeriodStanding::Oldest);
    assert_eq!(fate(&request(vec![two]), &items, "01"), RetentionFate::Keep(vec![reason]));
    assert_eq!(kept(&request(vec![newest(PeriodUnit::Day, "1")]), &items), ["04"]);
    assert_eq!(kept(&request(vec![newest(PeriodUnit::Day, "unlimited")]), &items), ["01", "04"]);
}

#[test]
fn a_window_counts_back_from_the_newest_snapshot() {
    let items = days(40);
    assert_eq!(kept(&request(vec![within(PeriodUnit::Snapshot, "3d")]), &items), ["037", "038", "039"]);
    let rule = within(PeriodUnit::Week, "14d");
    // 2026-02-09 is a Monday and the newest day; the window begins after 2026-01-26, a Monday.
    let seen = kept(&request(vec![rule.clone()]), &items);
    assert_eq!(seen, ["031", "038", "039"]);
    let until: Timestamp = "2026-01-26T12:00:00Z".parse().unwrap();
    let reason = ForgetReason::OutsideWindow { rule: rule.clone(), until };
    assert_eq!(fate(&request(vec![rule]), &items, "025"), RetentionFate::Forget(vec![reason]));
}

#[test]
fn tags_keep_snapshots_that_no_other_rule_keeps() {
    let mut items = days(4);
    items[0].tags.insert("plan".to_owned(), "yearly".to_owned());
    let tag: TagFilter = "plan".parse().unwrap();
    let request = request(vec![newest(PeriodUnit::Snapshot, "1"), RetentionRule::Tag(tag.clone())]);
    assert_eq!(kept(&request, &items), ["000", "003"]);
    assert_eq!(fate(&request, &items, "000"), RetentionFate::Keep(vec![KeepReason::Tag(tag.clone())]));
    let RetentionFate::Forget(reasons) = fate(&request, &items, "001") else { panic!() };
    assert_eq!(reasons[0], ForgetReason::TagMissing(tag));
}

#[test]
fn a_hold_keeps_until_its_end() {
    let mut items = days(3);
    let now = request(vec![newest(PeriodUnit::Snapshot, "1")]);
    items[0].hold = Some(RetentionHold { until: None, reason: "audit".to_owned() });
    let ends = |offset| now.now + jiff::SignedDuration::from_nanos(offset);
    items[1].hold = Some(RetentionHold { until: Some(ends(1)), reason: String::new() });
    assert_eq!(kept(&now, &items), ["000", "001", "002"]);
    let held = RetentionFate::Keep(vec![KeepReason::Hold(items[0].hold.clone().unwrap())]);
    assert_eq!(fate(&now, &items, "000"), held);
    items[1].hold = Some(RetentionHold { until: Some(ends(0)), reason: String::new() });
    assert_eq!(kept(&now, &items), ["000", "002"]);
}

#[test]
fn a_partial_snapshot_does_not_push_out_a_whole_one() {
    let items = [
        item("a", "2026-11-28T08:00:00Z"),
        item("b", "2026-11-28T09:00:00Z"),
        partial("c", "2026-11-28T10:00:00Z"),
        partial("d", "2026-11-28T11:00:00Z"),
        partial("e", "2026-11-29T08:00:00Z"),
        partial("f", "2026-11-30T08:00:00Z"),
    ];
    let three = request(vec![newest(PeriodUnit::Day, "3")]);
    assert_eq!(kept(&three, &items), ["b", "d", "e", "f"]);
    // Also where the day of the whole one is beyond the count.
    assert_eq!(kept(&request(vec![newest(PeriodUnit::Day, "2")]), &items), ["b", "e", "f"]);
    assert_eq!(kept(&request(vec![newest(PeriodUnit::Snapshot, "1")]), &items), ["b", "f"]);
    let reason = by_rule(
        &newest(PeriodUnit::Day, "3"),
        Period::Day(jiff::civil::date(2026, 11, 28)),
        PeriodStanding::NewestWhole,
    );
    assert_eq!(fate(&three, &items, "b"), RetentionFate::Keep(vec![reason]));
    // A source that is always partial keeps as many as others.
    let always: Vec<_> = days(9).into_iter().map(|item| RetentionItem { is_partial: true, ..item }).collect();
    assert_eq!(kept(&request(vec![newest(PeriodUnit::Day, "2")]), &always), ["007", "008"]);
}

#[test]
fn a_snapshot_from_the_future_pushes_nothing_out() {
    let mut items = days(5);
    items.push(item("future", "2036-01-01T00:00:00Z"));
    for rule in
        [newest(PeriodUnit::Snapshot, "2"), within(PeriodUnit::Snapshot, "2d"), newest(PeriodUnit::Day, "2")]
    {
        assert_eq!(kept(&request(vec![rule]), &items), ["003", "004", "future"]);
    }
    let one = request(vec![newest(PeriodUnit::Snapshot, "1")]);
    assert_eq!(fate(&one, &items, "future"), RetentionFate::Keep(vec![KeepReason::DoubtfulTime]));
    // The repository's own finding counts as well, whatever the clock says.
    items[4].is_time_doubtful = true;
    assert_eq!(kept(&one, &items), ["003", "004", "future"]);
    // A clock that is far behind forgets nothing.
    let behind = RetentionRequest { now: "1970-01-01T00:00:00Z".parse().unwrap(), ..one };
    assert_eq!(kept(&behind, &items).len(), 6);
}

#[test]
fn equal_moments_are_ordered_by_sequence_then_by_id() {
    let time = "2026-11-30T08:00:00Z";
    let mut items = [item("c", time), item("a", time), item("b", time)];
    let one = request(vec![newest(PeriodUnit::Snapshot, "1")]);
    assert_eq!(kept(&one, &items), ["c"]);
    items[1].sequence = 1;
    assert_eq!(kept(&one, &items), ["a"]);
}

#[test]
fn groups_are_judged_apart_and_others_are_left_alone() {
    let mut items = days(6);
    items[0].host = "web2".to_owned();
    items[1].source = "etc".to_owned();
    items[2].tags.insert("plan".to_owned(), "x".to_owned());
    let mut one = request(vec![newest(PeriodUnit::Snapshot, "1")]);
    let plan_of = |request: &RetentionRequest| plan(request, &items).unwrap();
    assert_eq!(kept(&one, &items), ["001", "005", "000"]);
    assert_eq!(plan_of(&one).groups.len(), 3);
    one.group_by = "host,source,tags".parse().unwrap();
    assert_eq!(kept(&one, &items), ["001", "005", "002", "000"]);
    one.group_by = "".parse().unwrap();
    assert_eq!(kept(&one, &items), ["005"]);
    one.selection.sources = vec!["home".to_owned()];
    one.selection.hosts = vec!["web1".to_owned()];
    let named: Vec<_> = plan_of(&one).decisions().map(|decision| decision.id.clone()).collect();
    assert_eq!(named, ["002", "003", "004", "005"]);
}

#[test]
fn a_day_that_comes_back_after_midnight_counts_once() {
    // In St. John's, clocks were set back by an hour at 00:01: Sunday begins, then Saturday comes back.
    let zone = TimeZone::get("America/St_Johns").unwrap();
    let items = [
        item("a", "2006-10-28T20:00:00-02:30"),
        item("b", "2006-10-29T00:00:30-02:30"),
        item("c", "2006-10-28T23:30:00-03:30"),
        item("d", "2006-10-29T10:00:00-03:30"),
    ];
    let mut request = request(vec![newest(PeriodUnit::Day, "2")]);
    assert_eq!(kept(&RetentionRequest { zone, ..request.clone() }, &items), ["c", "d"]);
    request.zone = TimeZone::UTC;
    assert_eq!(kept(&request, &items), ["a", "d"], "in UTC, only the first one is of Saturday");
}

#[test]
fn an_hour_that_occurs_twice_counts_twice() {
    let times = ["02:10:00+02:00", "02:50:00+02:00", "02:10:00+01:00", "02:50:00+01:00", "03:10:00+01:00"];
    let items: Vec<_> = times.iter().map(|time| item(time, &format!("2026-10-25T{time}"))).collect();
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let request = RetentionRequest { zone, ..request(vec![newest(PeriodUnit::Hour, "3")]) };
    let expected = ["02:50:00+02:00", "02:50:00+01:00", "03:10:00+01:00"];
    assert_eq!(kept(&request, &items), expected);
    assert_eq!(naive::kept(&request, &items), expected.map(str::to_owned).into());
}

#[test]
fn a_first_plan_that_drops_more_than_half_is_refused() {
    let mut items = days(10);
    let refusal = |items: &[RetentionItem], count: &str| {
        let plan = plan(&guarded(vec![newest(PeriodUnit::Day, count)]), items).unwrap();
        plan.refused().map(|(_, refusal)| refusal).next()
    };
    assert_eq!(refusal(&items, "5"), None);
    assert_eq!(refusal(&items, "4"), Some(ShareRefusal { forgotten: 6, of: 10, is_first: true }));
    // Rules that were applied before may forget all that has become old since.
    for item in &mut items[..4] {
        item.is_reviewed = true;
    }
    assert_eq!(refusal(&items, "4"), None);
    // Stricter rules have to be confirmed.
    assert_eq!(refusal(&items, "1"), Some(ShareRefusal { forgotten: 3, of: 4, is_first: false }));
    let confirmed = request(vec![newest(PeriodUnit::Day, "1")]);
    assert_eq!(plan(&confirmed, &items).unwrap().refused().count(), 0);
}

#[test]
fn the_guard_keeps_the_last_snapshot_of_a_source() {
    let mut items = days(3);
    items[2].is_partial = true;
    let rules = vec![RetentionRule::Tag("none".parse().unwrap())];
    assert_eq!(kept(&request(rules.clone()), &items), [""; 0]);
    assert_eq!(kept(&guarded(rules.clone()), &items), ["001"]);
    let reason = KeepReason::Guard(GuardReason::LastOfSource);
    assert_eq!(fate(&guarded(rules.clone()), &items, "001"), RetentionFate::Keep(vec![reason]));
    // A whole snapshot that was not selected remains.
    items[0].tags.insert("plan".to_owned(), "x".to_owned());
    let mut others = guarded(rules);
    others.group_by = "tags".parse().unwrap();
    others.selection.tags = vec!["plan".parse().unwrap()];
    assert_eq!(kept(&others, &items), [""; 0]);
}

#[test]
fn the_guard_keeps_what_an_unusual_change_separates() {
    let mut items = days(10);
    for (index, item) in items.iter_mut().enumerate() {
        item.files = if index < 3 { 1000 } else { 10 };
    }
    let one = vec![newest(PeriodUnit::Day, "1")];
    assert_eq!(kept(&guarded(one.clone()), &items), ["002", "003", "009"]);
    assert_eq!(kept(&request(one.clone()), &items), ["009"]);
    // Nothing more is needed when the rest is gone: the two show the change by themselves.
    let rest = [items[2].clone(), items[3].clone(), items[9].clone()];
    assert_eq!(kept(&guarded(one), &rest), ["002", "003", "009"]);
}

#[test]
fn wrong_lists_and_limits_are_refused() {
    let one = guarded(vec![newest(PeriodUnit::Day, "1")]);
    let twice = [item("a", "2026-11-30T08:00:00Z"), item("a", "2026-11-30T09:00:00Z")];
    assert_eq!(plan(&one, &twice), Err(RetentionError::SnapshotTwice { id: "a".to_owned() }));
    let over = RetentionRequest { guard: Some(GuardLimits { share_percent_max: 101 }), ..one.clone() };
    assert_eq!(plan(&over, &[]), Err(RetentionError::Share { percent: 101 }));
    assert_eq!(plan(&one, &[]), Ok(RetentionPlan::default()));
}
