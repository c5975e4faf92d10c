use icecore_format::{
    history::SeenHistory,
    ids::{RecordName, RunId, WriterId},
    layout::{LOG_PREFIX, log_key, snapshot_key},
    log::{LogRecord, RecordReference},
    snapshot::{Snapshot, SnapshotState},
};
use icecore_store::{meter::MeterStore, method::Method};

use super::*;
use crate::{
    bed::Bed,
    log::LogBook,
    snapshots::{self, SnapshotList},
};

/// Puts a snapshot object in which only the run and the state matter.
fn put(bed: &Bed, number: u8, reason: &str) {
    let run = RunId([number; 16]);
    let session = bed.session();
    let mut origin = session.origin().clone();
    bed.remove(&snapshot_key(origin.run));
    origin.run = run;
    let snapshot = Snapshot { origin, state: SnapshotState::Aborted { reason: reason.to_owned() } };
    let environment = bed.repository.environment();
    bed.set(&snapshot_key(run), snapshot.seal(bed.repository.keys(), &environment.salt()).unwrap());
}

/// Makes a repository with this many snapshots.
fn bed(snapshots: u8) -> Bed {
    let bed = Bed::new();
    (0..snapshots).for_each(|number| put(&bed, number, "first"));
    bed
}

/// Lists the snapshots and returns the number of objects that were fetched.
fn list(bed: &Bed, catalog: &mut Catalog) -> (SnapshotList, u64) {
    let meter = MeterStore::new(bed.store());
    let repository = bed.repository.on_store(std::sync::Arc::new(meter.clone()));
    let list = snapshots::list(&repository, catalog).unwrap();
    (list, meter.usage().of_method(Method::Get).calls)
}

fn bundle_of(catalog: &Catalog) -> Option<Vec<u8>> {
    catalog.bundle(BundleKind::Snapshots).unwrap()
}

fn reason_of(list: &SnapshotList, number: u8) -> &str {
    match &list.by_run(RunId([number; 16])).unwrap().state {
        SnapshotState::Aborted { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_in_the_bundle_is_not_fetched_and_has_no_row() {
    let bed = bed(100);
    let mut catalog = bed.catalog();
    let (cold, fetched) = list(&bed, &mut catalog);
    assert_eq!((fetched, cold.snapshots.len()), (100, 100));
    let bundle = bundle_of(&catalog).unwrap();
    assert!(catalog.snapshots().unwrap().is_empty());
    assert_eq!(catalog.snapshot_count().unwrap(), 100);
    let (warm, fetched) = list(&bed, &mut catalog);
    assert_eq!(fetched, 0);
    assert_eq!(warm.snapshots, cold.snapshots);
    assert_eq!(warm.written, cold.written);
    assert_eq!(bundle_of(&catalog).unwrap(), bundle, "nothing is written when nothing is new");
}

#[test]
fn the_bundle_is_written_again_when_many_are_outside() {
    let bed = bed(70);
    let mut catalog = bed.catalog();
    list(&bed, &mut catalog);
    let first = bundle_of(&catalog).unwrap();
    for number in 70..=(70 + UNBUNDLED_MAX as u8) {
        let rows = catalog.snapshots().unwrap().len();
        assert_eq!((rows, bundle_of(&catalog).unwrap() == first), (usize::from(number) - 70, true));
        put(&bed, number, "first");
        assert_eq!(list(&bed, &mut catalog).1, 1);
    }
    assert_ne!(bundle_of(&catalog).unwrap(), first);
    assert_eq!(catalog.snapshots().unwrap(), []);
    let (found, fetched) = list(&bed, &mut catalog);
    assert_eq!((found.snapshots.len(), fetched), (71 + UNBUNDLED_MAX, 0));
}

#[test]
fn few_objects_stay_in_rows() {
    let bed = bed(UNBUNDLED_MAX as u8);
    let mut catalog = bed.catalog();
    list(&bed, &mut catalog);
    assert_eq!(catalog.snapshots().unwrap().len(), UNBUNDLED_MAX);
    assert_eq!(bundle_of(&catalog), None);
    assert_eq!(list(&bed, &mut catalog).1, 0);
}

#[test]
fn what_has_changed_since_the_bundle_was_written_is_fetched() {
    let bed = bed(70);
    let mut catalog = bed.catalog();
    list(&bed, &mut catalog);
    put(&bed, 5, "second");
    for fetched in [1, 0] {
        let (found, gets) = list(&bed, &mut catalog);
        assert_eq!((gets, found.snapshots.len()), (fetched, 70));
        assert_eq!((reason_of(&found, 5), reason_of(&found, 6)), ("second", "first"));
    }
    put(&bed, 5, "third");
    assert_eq!(reason_of(&list(&bed, &mut catalog).0, 5), "third", "the row is replaced");
    // Changed again and again, each makes one record of the bundle and one row obsolete.
    (0..40).for_each(|number| put(&bed, number, "last"));
    let (found, fetched) = list(&bed, &mut catalog);
    assert_eq!((reason_of(&found, 5), reason_of(&found, 69), fetched), ("last", "first", 40));
    assert_eq!(catalog.snapshots().unwrap(), [], "there is a new bundle");
    assert_eq!(list(&bed, &mut catalog).1, 0);
}

#[test]
fn what_is_gone_is_not_found_in_the_bundle() {
    let bed = bed(100);
    let mut catalog = bed.catalog();
    list(&bed, &mut catalog);
    let first = bundle_of(&catalog).unwrap();
    bed.remove(&snapshot_key(RunId([7; 16])));
    let (found, fetched) = list(&bed, &mut catalog);
    assert_eq!((found.snapshots.len(), fetched), (99, 0));
    assert!(found.by_run(RunId([7; 16])).is_none());
    (10..90).for_each(|number| bed.remove(&snapshot_key(RunId([number; 16]))));
    let (found, fetched) = list(&bed, &mut catalog);
    assert_eq!((found.snapshots.len(), fetched), (19, 0));
    let second = bundle_of(&catalog).unwrap();
    assert!(second.len() < first.len(), "what is gone leaves the bundle");
    assert_eq!(catalog.snapshot_count().unwrap(), 19);
}

#[test]
fn a_bundle_that_cannot_be_used_is_dropped() {
    let (bed, other) = (bed(70), Bed::seeded(2));
    let mut catalog = bed.catalog();
    let expected = list(&bed, &mut catalog).0.snapshots;
    let whole = bundle_of(&catalog).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let environment = bed.repository.environment();
    let foreign = BundleWriter::default().seal(other.repository.keys(), &environment.salt()).unwrap();
    let no_record = seal_object(bed.repository.keys(), ObjectKind::Bundle, &environment.salt(), b"\x01");
    let damages = [flipped, whole[..100].to_vec(), Vec::new(), foreign, no_record.unwrap()];
    for sealed in damages {
        catalog.bundle_snapshots(&StoredBundle { records: 70, sealed: sealed.clone() }, &[]).unwrap();
        let (found, fetched) = list(&bed, &mut catalog);
        assert_eq!(found.snapshots, expected);
        assert_eq!(fetched, 70);
        assert_eq!(list(&bed, &mut catalog).1, 0, "there is a new bundle");
    }
    // With few objects, no new bundle is written.
    (2..70).for_each(|number| bed.remove(&snapshot_key(RunId([number; 16]))));
    catalog.bundle_snapshots(&StoredBundle { records: 70, sealed: Vec::new() }, &[]).unwrap();
    assert_eq!(list(&bed, &mut catalog).1, 2);
    assert_eq!((bundle_of(&catalog), catalog.snapshot_count().unwrap()), (None, 2));
}

#[test]
fn records_of_a_bundle_that_are_wrong_are_fetched() {
    let bed = bed(70);
    let mut catalog = bed.catalog();
    let expected = list(&bed, &mut catalog).0.snapshots;
    let opened = bundle::open(bed.repository.keys(), &bundle_of(&catalog).unwrap()).unwrap();
    let records = bundle::records(&opened).unwrap();
    // One that is not a snapshot, one that is the snapshot of another run, one that is missing.
    let mut writer = BundleWriter::default();
    for (number, record) in records.iter().enumerate().skip(1) {
        let record = match number {
            1 => BundledRecord { record: b"\xff", ..*record },
            2 => BundledRecord { record: records[3].record, ..*record },
            _ => *record,
        };
        assert!(writer.push(&record).unwrap());
    }
    let salt = bed.repository.environment().salt();
    let sealed = writer.seal(bed.repository.keys(), &salt).unwrap();
    catalog.bundle_snapshots(&StoredBundle { records: 69, sealed }, &[]).unwrap();
    for fetched in [3, 0] {
        let (found, gets) = list(&bed, &mut catalog);
        assert_eq!((found.snapshots == expected, gets), (true, fetched));
    }
}

#[test]
fn rows_that_do_not_open_are_fetched_again() {
    let bed = bed(3);
    let mut catalog = bed.catalog();
    let expected = list(&bed, &mut catalog).0.snapshots;
    let mut rows = catalog.snapshots().unwrap();
    rows[1].object[140] ^= 1;
    catalog.put_snapshots(&rows).unwrap();
    for fetched in [1, 0] {
        let (found, gets) = list(&bed, &mut catalog);
        assert_eq!((found.snapshots == expected, gets), (true, fetched));
    }
}

#[test]
fn damaged_objects_are_reported_each_time_and_never_kept() {
    let bed = bed(70);
    bed.damage(&snapshot_key(RunId([3; 16])), |bytes| bytes[140] ^= 1);
    let mut catalog = bed.catalog();
    for fetched in [70, 1, 1] {
        let (found, gets) = list(&bed, &mut catalog);
        assert_eq!((found.snapshots.len(), found.damaged.len(), gets), (69, 1, fetched));
    }
}

#[test]
fn a_log_is_the_same_from_its_bundle() {
    let bed = Bed::new();
    let environment = bed.repository.environment();
    let mut last: Option<RecordReference> = None;
    for sequence in 1..=100 {
        let name = RecordName { writer: WriterId([9; 16]), sequence };
        let mut record = LogRecord::new(name, environment.now(), "host", "test");
        record.references.extend(last);
        let object = record.seal(bed.repository.keys(), &environment.salt()).unwrap();
        last = Some(RecordReference { name, hash: RecordHash::of(&object) });
        bed.set(&log_key(name), object);
    }
    let mut catalog = bed.catalog();
    for _ in 0..2 {
        let meter = MeterStore::new(bed.store());
        let repository = bed.repository.on_store(std::sync::Arc::new(meter.clone()));
        let fetches = catalog.bundle(BundleKind::Log).unwrap().is_none();
        let mut book = LogBook::read(&repository, &mut catalog).unwrap();
        assert_eq!(meter.usage().of_method(Method::Get).calls, if fetches { 100 } else { 0 });
        assert_eq!(book.history().len(), 100);
        assert_eq!(book.history().tips(), last.into_iter().collect::<Vec<_>>(), "all hashes are right");
        let losses =
            book.losses(&repository, &mut catalog, &SnapshotList::default(), &SeenHistory::default());
        assert_eq!(losses.unwrap(), []);
    }
    assert!(catalog.log_records().unwrap().is_empty());
    // A record under another one's name has another version, and so another hash, which differs from the one
    // in the next record.
    let key = bed.keys_under(LOG_PREFIX).remove(50);
    let name = LogRecord::name_of(&key).unwrap();
    let other = LogRecord::new(name, environment.now(), "other", "test");
    bed.set(&key, other.seal(bed.repository.keys(), &environment.salt()).unwrap());
    let mut book = LogBook::read(&bed.repository, &mut catalog).unwrap();
    let losses = book
        .losses(&bed.repository, &mut catalog, &SnapshotList::default(), &SeenHistory::default())
        .unwrap();
    assert_eq!(losses.len(), 1, "{losses:?}");
}

#[test]
fn a_bundle_that_is_full_leaves_the_rest_in_rows() {
    let bed = Bed::new();
    // Texts that compress well: 40 MiB of records.
    let reason = "x".repeat(400 << 10);
    (0..100).for_each(|number| put(&bed, number, &reason));
    let mut catalog = bed.catalog();
    assert_eq!(list(&bed, &mut catalog).1, 100);
    let (bundle, rows) = (bundle_of(&catalog).unwrap(), catalog.snapshots().unwrap().len());
    assert_eq!((rows, catalog.snapshot_count().unwrap()), (19, 100));
    put(&bed, 100, &reason);
    assert_eq!(list(&bed, &mut catalog).1, 1);
    assert_eq!(list(&bed, &mut catalog).1, 0);
    assert_eq!(catalog.snapshots().unwrap().len(), rows + 1);
    assert_eq!(bundle_of(&catalog).unwrap(), bundle);
}

#[test]
fn what_was_known_of_a_damaged_snapshot_stays_for_a_repair() {
    let bed = bed(70);
    let mut catalog = bed.catalog();
    list(&bed, &mut catalog);
    put(&bed, 70, "row");
    list(&bed, &mut catalog);
    for number in [5, 70] {
        bed.damage(&snapshot_key(RunId([number; 16])), |bytes| bytes[140] ^= 1);
    }
    let is_known = |catalog: &mut Catalog, number: u8| {
        let copies = snapshots::known_copies(&bed.repository, catalog).unwrap();
        let run = RunId([number; 16]);
        copies.iter().any(|copy| Snapshot::open(bed.repository.keys(), run, copy).is_ok())
    };
    assert_eq!(list(&bed, &mut catalog).0.damaged.len(), 2);
    let first = bundle_of(&catalog);
    assert!((0..71).all(|number| is_known(&mut catalog, number)));
    // A new bundle keeps it too.
    (71..=(71 + UNBUNDLED_MAX as u8)).for_each(|number| put(&bed, number, "new"));
    assert_eq!(list(&bed, &mut catalog).0.damaged.len(), 2);
    assert_ne!(bundle_of(&catalog), first);
    assert!((0..71).all(|number| is_known(&mut catalog, number)));
    // Removed and repaired objects are read as they are listed.
    bed.remove(&snapshot_key(RunId([5; 16])));
    put(&bed, 70, "mended");
    (0..70).filter(|number| *number != 5).for_each(|number| bed.remove(&snapshot_key(RunId([number; 16]))));
    let (found, _) = list(&bed, &mut catalog);
    assert_eq!((reason_of(&found, 70), found.damaged.len()), ("mended", 0));
    assert!(!is_known(&mut catalog, 5));
    assert!(is_known(&mut catalog, 70));
}
