use std::collections::BTreeMap;

use super::*;

#[test]
fn a_missing_snapshot_is_reported() {
    let expected = Expected { run: [1; 16], files: BTreeMap::new() };
    let objects = BTreeMap::new();
    assert_eq!(judge(&objects, &[0; 32], &[expected]), ["a snapshot with 0 files is missing"]);
    assert!(garbage(&objects, &[0; 32]).is_empty());
}
