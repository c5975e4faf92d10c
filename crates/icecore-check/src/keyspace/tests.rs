use icecore_format::seal::ObjectKind;

use super::*;

#[test]
fn every_key_of_the_layout_is_known() {
    let run = RunId([0xab; 16]);
    let pack = PackName { run, number: 7 };
    assert_eq!(classify(layout::HEADER_KEY), KeyForm::Header);
    assert_eq!(classify(&layout::slot_key(b"slot")), KeyForm::Slot);
    assert_eq!(classify(&layout::snapshot_key(run)), KeyForm::Snapshot(run));
    assert_eq!(classify(&layout::directory_key(pack)), KeyForm::Directory(pack));
    for (kind, place) in
        [(ObjectKind::Manifest, PackPlace::Manifest), (ObjectKind::Data, PackPlace::Data(run))]
    {
        let key = layout::pack_key(kind, run, pack);
        assert_eq!(classify(&key), KeyForm::Pack(pack, place));
        assert_eq!(PackPlace::of(kind, run), place);
        assert_eq!(place.key(pack), key);
    }
    assert_eq!(classify("meta/gc/000012"), KeyForm::Collection);
    assert_eq!(classify("probe/0123456789abcdef-clock"), KeyForm::Probe);
    assert_eq!(classify("probe-0123456789abcdef"), KeyForm::Probe);
    assert_eq!(classify("meta/index/000000000000-0190a1b2c3d4"), KeyForm::Index);
    for key in [
        "meta/index/",
        "meta/index/000000000001-000000000001",
        "meta/index/1-2",
        "meta/index/00000000000A-0190a1b2c3d4",
    ] {
        assert_eq!(classify(key), KeyForm::Foreign, "{key}");
    }
    let record = RecordName { writer: icecore_format::ids::WriterId([0xcd; 16]), sequence: 7 };
    assert_eq!(classify(&layout::log_key(record)), KeyForm::Log(record));
}

#[test]
fn everything_else_is_foreign() {
    let run = RunId([0xab; 16]);
    let upper = run.to_string().to_uppercase();
    let keys = [
        "Icecore".to_owned(),
        "icecore/x".to_owned(),
        "meta/keys/".to_owned(),
        format!("meta/keys/{upper}"),
        format!("meta/snapshots/{upper}"),
        format!("meta/snapshots/{run}/x"),
        format!("meta/packs/{run}-1"),
        format!("meta/manifest/{run}"),
        format!("data/{run}-000001"),
        format!("data/{run}/{run}-000001/x"),
        "meta/gc/x".to_owned(),
        "meta/gc/12".to_owned(),
        "probe/".to_owned(),
        "probe/a/b".to_owned(),
        "probe-".to_owned(),
        "probe-a/b".to_owned(),
        "probes".to_owned(),
        format!("meta/log/{run}/1"),
        format!("meta/log/{run}/000000"),
        format!("meta/log/{run}"),
        "data".to_owned(),
        String::new(),
    ];
    for key in keys {
        assert_eq!(classify(&key), KeyForm::Foreign, "{key}");
    }
}
