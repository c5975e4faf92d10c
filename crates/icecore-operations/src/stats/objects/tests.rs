use super::*;

#[test]
fn every_prefix_has_its_kind() {
    let keys = [
        "data/0123/4567",
        "meta/manifest/1",
        "meta/packs/1",
        "meta/index/1-2",
        "meta/snapshots/1",
        "meta/log/1",
        "meta/gc/1",
        "meta/keys/1",
        "meta/quarantine/1/data/2",
        "icecore",
        "icecore-notes.txt",
    ];
    let classes = keys.map(ObjectClass::of);
    assert!(classes.is_sorted(), "the report lists them in this order");
    assert_eq!((classes[0], classes[9]), (ObjectClass::DataPacks, ObjectClass::Header));
    let distinct: std::collections::BTreeSet<_> = classes.into_iter().collect();
    assert_eq!(distinct.len(), keys.len());
}
