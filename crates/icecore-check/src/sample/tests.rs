use std::{collections::HashMap, sync::Arc, time::Duration};

use icecore_format::{
    ids::{PackName, RunId},
    seal::ObjectKind,
};

use super::*;
use crate::inventory::PackRecord;

fn day(number: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(24 * number)
}

fn name(number: u32) -> PackName {
    PackName { run: RunId([1; 16]), number }
}

/// Packs of 100 bytes each.
fn inventory(packs: u32) -> Inventory {
    let pack = |number| PackRecord {
        name: name(number),
        kind: ObjectKind::Data,
        group: RunId([1; 16]),
        bytes: 100,
        directory_bytes: 10,
        blocks: 1,
        directory: None,
        state: PackState::Present,
        was_read: false,
    };
    Inventory { packs: (0..packs).map(pack).collect(), ..Inventory::default() }
}

/// Today is day 100; pack `n` was verified on the `n`-th of these days.
fn options(percent: Option<f64>, within_days: Option<u64>, verified: &[Option<u64>]) -> CheckOptions {
    let verified: HashMap<_, _> =
        (0..).zip(verified).filter_map(|(number, at)| Some((name(number), day((*at)?)))).collect();
    CheckOptions {
        sample_percent: percent,
        within: within_days.map(|days| Duration::from_hours(24 * days)),
        verified: Arc::new(verified),
        ..CheckOptions::new(day(100))
    }
}

#[test]
fn the_share_is_of_the_bytes_and_at_least_one_pack() {
    let count =
        |packs, percent| choose(&inventory(packs), &options(Some(percent), None, &[])).unwrap().packs.len();
    assert_eq!(count(0, 50.0), 0);
    assert_eq!(count(3, 0.0), 0);
    assert_eq!(count(3, 0.1), 1);
    assert_eq!(count(10, 10.0), 1);
    assert_eq!(count(10, 10.1), 2);
    assert_eq!(count(7, 100.0), 7);
}

#[test]
fn what_was_never_verified_comes_first_then_the_oldest() {
    let verified = [Some(90), Some(10), None, Some(50), Some(99)];
    let chosen = |percent| {
        let choice = choose(&inventory(5), &options(Some(percent), None, &verified)).unwrap();
        (choice.packs_left(), choice.packs)
    };
    assert_eq!(chosen(20.0), (4, vec![2]));
    assert_eq!(chosen(40.0), (3, vec![1, 2]));
    assert_eq!(chosen(60.0), (2, vec![1, 2, 3]));
}

#[test]
fn only_what_is_due_is_read() {
    let verified = [Some(90), Some(10), None, Some(50), Some(99)];
    let due = |percent| {
        let choice = choose(&inventory(5), &options(percent, Some(30), &verified)).unwrap();
        (choice.packs_left(), choice.packs)
    };
    assert_eq!(due(None), (0, vec![1, 2, 3]));
    assert_eq!(due(Some(40.0)), (1, vec![1, 2]));
    let all = CheckOptions { read_data: true, ..options(None, Some(30), &verified) };
    assert_eq!(choose(&inventory(5), &all).unwrap().packs.len(), 5);
}

#[test]
fn times_to_come_count_for_nothing() {
    let verified = [Some(90), Some(5000)];
    let due = choose(&inventory(2), &options(None, Some(30), &verified)).unwrap();
    assert_eq!(due.packs, [1]);
}

#[test]
fn chance_decides_among_equals() {
    let chosen = |seed| {
        let options = CheckOptions { seed: [seed; 32], ..options(Some(10.0), None, &[]) };
        choose(&inventory(10), &options).unwrap().packs
    };
    assert!((1..20).any(|seed| chosen(seed) != chosen(0)));
}

#[test]
fn others_are_read_in_place_of_archived_packs() {
    let verified = [Some(90), Some(10), None, Some(50), Some(99)];
    let inventory = inventory(5);
    let mut choice = choose(&inventory, &options(Some(40.0), None, &verified)).unwrap();
    assert_eq!(choice.packs, [1, 2]);
    choice.replace(&inventory, 100);
    assert_eq!((choice.packs_left(), choice.packs.as_slice()), (2, &[3][..]));
    choice.replace(&inventory, 0);
    assert_eq!((choice.packs_left(), choice.packs.as_slice()), (2, &[][..]));
    choice.replace(&inventory, 1_000);
    assert_eq!((choice.packs_left(), choice.packs.as_slice()), (0, &[0, 4][..]));
}
