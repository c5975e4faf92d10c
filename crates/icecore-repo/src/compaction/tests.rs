use std::sync::Arc;

use icecore_catalog::Catalog;
use icecore_store::{meter::MeterStore, method::Method, store::Version};

use super::*;
use crate::{
    bed::{Bed, noises},
    index::load_index,
    log::LogBook,
    snapshots,
};

const SNAPSHOTS: usize = 40;
const SECOND: Duration = Duration::from_secs(1);

/// A repository with several snapshots, one each second, then a pause, and one more.
fn filled() -> Bed {
    let bed = Bed::new();
    add(&bed, SNAPSHOTS);
    bed
}

fn add(bed: &Bed, snapshots: usize) {
    let before = bed.keys_under(SNAPSHOTS_PREFIX).len();
    for number in 0..snapshots {
        bed.clock.advance(SECOND);
        bed.snapshot(&noises(1, 100, (before + number) as u64));
    }
    bed.clock.advance(UNSEEN_MAX);
    bed.snapshot(&noises(1, 100, (before + snapshots) as u64));
}

/// What a cold reader sees (snapshots, damaged ones, packs, damaged directories), and how many GETs it makes.
fn read(bed: &Bed) -> ([usize; 4], u64) {
    let meter = MeterStore::new(bed.store());
    let repository = bed.repository.on_store(Arc::new(meter.clone()));
    let mut catalog = Catalog::in_memory(repository.id()).unwrap();
    let list = snapshots::list(&repository, &mut catalog).unwrap();
    assert!(list.snapshots.is_sorted_by_key(|snapshot| snapshot.origin.run));
    let loaded = load_index(&repository, &mut catalog, None).unwrap();
    LogBook::read(&repository, &mut catalog).unwrap();
    let seen = [list.snapshots.len(), list.damaged.len(), loaded.index.packs().len(), loaded.damaged.len()];
    (seen, meter.usage().of_method(Method::Get).calls)
}

fn spans(bed: &Bed) -> Vec<IndexSpan> {
    bed.keys_under(INDEX_PREFIX).iter().map(|key| IndexSpan::parse(key).unwrap()).collect()
}

#[test]
fn a_cold_reader_sees_the_same_with_few_requests() {
    let bed = filled();
    let (cold, requests) = read(&bed);
    let packs = 2 * (SNAPSHOTS + 1);
    assert_eq!(cold, [SNAPSHOTS + 1, 0, packs, 0]);
    assert!(requests as usize >= SNAPSHOTS + packs);
    assert_eq!(compact(&bed.repository, 30).unwrap(), 1);
    let (compacted, requests) = read(&bed);
    assert_eq!(compacted, cold);
    // There are too few snapshots for a look at the index objects; the directories of the last run are not in
    // one.
    assert_eq!(requests as usize, SNAPSHOTS + 1 + 1 + 2);
}

#[test]
fn what_is_in_an_index_object_is_not_copied_again() {
    let bed = filled();
    assert_eq!(compact(&bed.repository, 1).unwrap(), 1);
    assert_eq!(compact(&bed.repository, 1).unwrap(), 0, "what is too new waits");
    add(&bed, 5);
    assert_eq!(compact(&bed.repository, 100).unwrap(), 0, "too few");
    assert_eq!(compact(&bed.repository, 1).unwrap(), 1);
    let spans = spans(&bed);
    assert_eq!(spans.len(), 2);
    assert_eq!((spans[0].after, spans[0].until), (0, spans[1].after));
    let copies = spans.iter().map(|span| {
        let object = bed.get(&span.key());
        index_object::open(bed.repository.keys(), &object).unwrap().len()
    });
    // From each run, the snapshot and two directories; the last one is too new.
    assert_eq!(copies.sum::<usize>(), 3 * (SNAPSHOTS + 1 + 5));
}

#[test]
fn long_objects_do_not_keep_others_from_being_copied() {
    let bed = filled();
    // Objects that no index object takes do not make every run look for something to copy.
    let listed = |size: u64| vec![object(1, size); 2 * UNINDEXED_MAX];
    assert_eq!(unindexed(listed(COPY_BYTES_MAX + 1).iter(), [].iter()), 0);
    assert_eq!(unindexed(listed(COPY_BYTES_MAX).iter(), [].iter()), 2 * UNINDEXED_MAX);
    // The objects that fit into an index object can be fewer than the number that triggers writing one.
    for number in 0..2 * UNINDEXED_MAX as u64 {
        bed.set(&format!("{PACKS_PREFIX}long-{number}"), vec![0; COPY_BYTES_MAX as usize / 4]);
    }
    bed.clock.advance(UNSEEN_MAX);
    bed.snapshot(&noises(1, 100, 77));
    assert!(spans(&bed).len() > 1, "the run has copied them");
}

#[test]
fn runs_write_index_objects_by_themselves() {
    let bed = Bed::new();
    add(&bed, UNINDEXED_MAX / 2 - 1);
    assert_eq!(spans(&bed), [], "the last run began with less");
    bed.clock.advance(UNSEEN_MAX);
    bed.snapshot(&noises(1, 100, 0));
    assert_eq!(spans(&bed).len(), 1);
    let (seen, requests) = read(&bed);
    assert_eq!(seen, [UNINDEXED_MAX / 2 + 1, 0, UNINDEXED_MAX, 0]);
    assert!(requests < 20, "{requests}");
}

#[test]
fn copies_that_are_not_what_is_listed_are_not_used() {
    let bed = filled();
    compact(&bed.repository, 1).unwrap();
    let whole = read(&bed);
    let span = spans(&bed)[0];
    let copies = index_object::open(bed.repository.keys(), &bed.get(&span.key())).unwrap();
    let replace = |change: &dyn Fn(&mut ObjectCopy)| {
        let mut copies = copies.clone();
        copies.iter_mut().for_each(change);
        let salt = bed.repository.environment().salt();
        bed.set(&span.key(), index_object::seal(&copies, bed.repository.keys(), &salt).unwrap());
        read(&bed)
    };
    let fetched = |(seen, requests): ([usize; 4], u64)| {
        assert_eq!(seen, whole.0);
        requests as usize
    };
    let all = fetched(whole) + 2 * SNAPSHOTS;
    assert_eq!(fetched(replace(&|_| {})), fetched(whole));
    assert_eq!(fetched(replace(&|copy| copy.version.push('0'))), all, "another version");
    assert_eq!(fetched(replace(&|copy| copy.bytes[20] ^= 1)), all, "a bit flipped");
    assert_eq!(fetched(replace(&|copy| copy.key.push('0'))), all, "another key");
    bed.set(&span.key(), vec![0; 100]);
    assert_eq!(fetched(read(&bed)), all, "something else");
}

#[test]
fn what_is_gone_stays_gone() {
    let bed = filled();
    compact(&bed.repository, 1).unwrap();
    let keys = bed.keys_under(PACKS_PREFIX);
    keys[..10].iter().for_each(|key| bed.remove(key));
    let (seen, _) = read(&bed);
    assert_eq!(seen, [SNAPSHOTS + 1, 0, keys.len() - 10, 0]);
}

#[test]
fn of_a_damaged_original_there_may_be_a_good_copy_only_if_its_version_is_listed() {
    let bed = filled();
    compact(&bed.repository, 1).unwrap();
    bed.damage(&bed.keys_under(PACKS_PREFIX)[0], |bytes| bytes[40] ^= 1);
    let (seen, _) = read(&bed);
    assert_eq!(seen[3], 1);
}

fn object(milliseconds: u64, size: u64) -> ObjectInfo {
    ObjectInfo {
        key: String::new(),
        size,
        version: Version(String::new()),
        modified: SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds),
    }
}

#[test]
fn objects_are_fetched_in_batches_of_bounded_length() {
    let batch = |sizes: &[u64]| {
        let objects: Vec<ObjectInfo> = sizes.iter().map(|size| object(1, *size)).collect();
        batch_length(&objects.iter().collect::<Vec<_>>())
    };
    assert_eq!(batch(&[1; 1_000]), FETCH_BATCH);
    assert_eq!(batch(&[1, 2, 3]), 3);
    assert_eq!(batch(&[24 << 20, 24 << 20, 24 << 20]), 2);
    assert_eq!(batch(&[1 << 40, 1]), 1, "one is always fetched");
    assert_eq!(batch(&[1, u64::MAX, u64::MAX]), 1);
}

#[test]
fn parts_end_between_milliseconds() {
    let lengths = |objects: &[ObjectInfo]| split_part(objects).map(|(part, rest)| (part.len(), rest.len()));
    assert_eq!(lengths(&[]), None);
    assert_eq!(lengths(&[object(1, 1), object(1, 1)]), Some((2, 0)));
    let half = COPIES_BYTES_MAX / 2;
    assert_eq!(lengths(&[object(1, half), object(2, half), object(2, half)]), Some((1, 2)));
    assert_eq!(lengths(&[object(1, half), object(1, half), object(1, half)]), Some((2, 1)));
    let many: Vec<ObjectInfo> = (0..3000).map(|number| object(1 + number / 5, 1)).collect();
    assert_eq!(lengths(&many), Some((1020, 1980)));
}
