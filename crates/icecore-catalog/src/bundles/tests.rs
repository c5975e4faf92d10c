use icecore_format::ids::{RecordName, RunId, WriterId};

use super::*;
use crate::{
    log::StoredRecord,
    samples::{REPOSITORY, stored_snapshot},
};

fn bundle(records: usize, sealed: &[u8]) -> StoredBundle {
    StoredBundle { records, sealed: sealed.to_vec() }
}

#[test]
fn a_bundle_takes_the_place_of_rows_and_of_the_earlier_one() {
    let mut catalog = Catalog::in_memory(REPOSITORY).unwrap();
    let [first, second] = [1, 2].map(|run| RunId([run; 16]));
    catalog.put_snapshots(&[stored_snapshot(first, "v", b"1"), stored_snapshot(second, "v", b"2")]).unwrap();
    let [one, two] = [1, 2].map(|sequence| RecordName { writer: WriterId([7; 16]), sequence });
    let record = |name| StoredRecord { name, version: String::new(), object: Vec::new() };
    catalog.put_log_records(&[record(one), record(two)]).unwrap();
    assert_eq!(catalog.bundle(BundleKind::Snapshots).unwrap(), None);
    catalog.bundle_snapshots(&bundle(1, b"sealed"), &[first]).unwrap();
    catalog.bundle_log_records(&bundle(1, b"log"), &[two]).unwrap();
    assert_eq!(catalog.snapshots().unwrap(), [stored_snapshot(second, "v", b"2")]);
    assert_eq!(catalog.log_records().unwrap(), [record(one)]);
    assert_eq!(catalog.snapshot_count().unwrap(), 2);
    catalog.bundle_snapshots(&bundle(700, b"other"), &[]).unwrap();
    assert_eq!(catalog.bundle(BundleKind::Snapshots).unwrap().as_deref(), Some(b"other".as_slice()));
    assert_eq!(catalog.bundle(BundleKind::Log).unwrap().as_deref(), Some(b"log".as_slice()));
    assert_eq!(catalog.snapshot_count().unwrap(), 701);
    catalog.drop_bundle(BundleKind::Snapshots).unwrap();
    assert_eq!(catalog.bundle(BundleKind::Snapshots).unwrap(), None);
    assert_eq!(catalog.bundle(BundleKind::Log).unwrap().as_deref(), Some(b"log".as_slice()));
    assert_eq!(catalog.snapshot_count().unwrap(), 1);
}

#[test]
fn a_damaged_bundle_counts_as_absent() {
    let mut catalog = Catalog::in_memory(REPOSITORY).unwrap();
    catalog.bundle_snapshots(&bundle(5, b"sealed"), &[]).unwrap();
    catalog.connection().execute("UPDATE state SET value = x'00'", []).unwrap();
    assert_eq!(catalog.bundle(BundleKind::Snapshots).unwrap(), None);
    assert_eq!(catalog.snapshot_count().unwrap(), 0);
}
