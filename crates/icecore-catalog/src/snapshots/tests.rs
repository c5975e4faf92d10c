use super::*;
use crate::samples::{REPOSITORY, stored_snapshot};

#[test]
fn snapshots_are_kept_replaced_and_removed() {
    let mut catalog = Catalog::in_memory(REPOSITORY).unwrap();
    assert_eq!(catalog.snapshots().unwrap(), []);
    let snapshot = |run: u8, version, object| stored_snapshot(RunId([run; 16]), version, object);
    let snapshots = [snapshot(2, "v2", b"two"), snapshot(1, "\"etag\"", b"one"), snapshot(2, "v3", b"")];
    for snapshot in &snapshots {
        catalog.put_snapshots(std::slice::from_ref(snapshot)).unwrap();
    }
    assert_eq!(catalog.snapshots().unwrap(), [snapshots[1].clone(), snapshots[2].clone()]);
    assert_eq!(catalog.remove_snapshots(&[RunId([1; 16]), RunId([9; 16])]).unwrap(), 1);
    assert_eq!(catalog.snapshots().unwrap(), [snapshots[2].clone()]);
}

#[test]
fn damaged_snapshots_are_left_out() {
    let mut catalog = Catalog::in_memory(REPOSITORY).unwrap();
    catalog.put_snapshots(&[stored_snapshot(RunId([1; 16]), "v", b"one")]).unwrap();
    catalog.put_snapshots(&[stored_snapshot(RunId([2; 16]), "v", b"two")]).unwrap();
    for damage in ["version = 'w'", "object = x'00'", "checksum = x''", "run = x'03'"] {
        catalog
            .connection()
            .execute(&format!("UPDATE snapshots SET {damage} WHERE run = ?1"), [[1; 16]])
            .unwrap();
        let runs: Vec<RunId> = catalog.snapshots().unwrap().iter().map(|snapshot| snapshot.run).collect();
        assert_eq!(runs, [RunId([2; 16])], "{damage}");
        catalog.put_snapshots(&[stored_snapshot(RunId([1; 16]), "v", b"one")]).unwrap();
    }
}
