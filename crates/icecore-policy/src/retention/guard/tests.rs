use jiff::Timestamp;

use super::*;

/// Returns a line of snapshots, one for each number of files and of added bytes.
fn line(numbers: &[(u64, Option<u64>)]) -> Vec<RetentionItem> {
    let item = |(index, (files, added_bytes)): (usize, &(u64, Option<u64>))| {
        let time = Timestamp::from_second(i64::try_from(index).unwrap() * 86_400).unwrap();
        let mut item = RetentionItem::new(format!("{index:02}"), time, "web1", "home");
        (item.files, item.bytes, item.added_bytes) = (*files, 1000, *added_bytes);
        item
    };
    numbers.iter().enumerate().map(item).collect()
}

fn all_reasons(items: &[RetentionItem]) -> BTreeMap<&str, Vec<GuardReason>> {
    reasons(items, &BTreeSet::new())
}

#[test]
fn a_drop_of_files_marks_the_snapshot_before_and_the_change() {
    let mut items = line(&[(100, None), (90, None), (44, None), (44, None)]);
    let change = UnusualChange::FilesDropped { from: 90, to: 44 };
    let expected = BTreeMap::from([
        ("01", vec![GuardReason::BeforeChange { change, changed: "02".to_owned() }]),
        ("02", vec![GuardReason::Changed(change)]),
    ]);
    assert_eq!(all_reasons(&items), expected);
    // A partial snapshot lacks files because they could not be read, and nobody would restore from it.
    items[1].is_partial = true;
    let change = UnusualChange::FilesDropped { from: 100, to: 44 };
    assert_eq!(all_reasons(&items)["00"], [GuardReason::BeforeChange { change, changed: "02".to_owned() }]);
    items[2].files = 50;
    items[3].files = 50;
    assert!(all_reasons(&items).is_empty(), "half is not less than half");
    assert!(all_reasons(&line(&[(9, None), (0, None)])).is_empty(), "few files");
}

#[test]
fn a_jump_of_new_bytes_marks_them_too() {
    let usual = [(1, None), (1, Some(10)), (1, Some(40)), (1, Some(20))];
    let with = |added: u64| line(&[&usual[..], &[(1, Some(added)), (1, Some(10))]].concat());
    let change = UnusualChange::BytesAdded { added: 501, usual_max: 40, total: 1000 };
    let items = with(501);
    let found = all_reasons(&items);
    assert_eq!(found["03"], [GuardReason::BeforeChange { change, changed: "04".to_owned() }]);
    assert_eq!((&found["04"], found.len()), (&vec![GuardReason::Changed(change)], 2));
    assert!(all_reasons(&with(500)).is_empty(), "half of the bytes is not more than half");
    let mut often = with(501);
    often[1].added_bytes = Some(51);
    assert!(all_reasons(&often).is_empty(), "less than ten times the usual");
    often[1].added_bytes = None;
    assert!(all_reasons(&often).is_empty(), "two snapshots do not show what is usual");
}

#[test]
fn the_last_whole_snapshot_of_a_source_stays() {
    let mut items = line(&[(1, None), (1, None), (1, None)]);
    items[2].is_partial = true;
    let gone = BTreeSet::from(["00", "01"]);
    assert_eq!(reasons(&items, &gone), BTreeMap::from([("01", vec![GuardReason::LastOfSource])]));
    assert!(reasons(&items, &BTreeSet::from(["01", "02"])).is_empty());
    // If none is whole, the newest stays.
    items[0].is_partial = true;
    items[1].is_partial = true;
    assert!(reasons(&items, &gone).is_empty());
    let all = BTreeSet::from(["00", "01", "02"]);
    assert_eq!(reasons(&items, &all), BTreeMap::from([("02", vec![GuardReason::LastOfSource])]));
    // Another source does not help.
    items[2].source = "etc".to_owned();
    assert_eq!(reasons(&items, &gone), BTreeMap::from([("01", vec![GuardReason::LastOfSource])]));
}

#[test]
fn snapshots_with_doubtful_times_are_not_compared() {
    let mut items = line(&[(100, None), (1, None), (90, None), (40, None)]);
    items[1].is_time_doubtful = true;
    let change = UnusualChange::FilesDropped { from: 90, to: 40 };
    let changed = BTreeMap::from([
        ("02", vec![GuardReason::BeforeChange { change, changed: "03".to_owned() }]),
        ("03", vec![GuardReason::Changed(change)]),
    ]);
    assert_eq!(all_reasons(&items), changed);
}
