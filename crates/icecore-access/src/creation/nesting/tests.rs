use icecore_format::{
    ids::PackName,
    layout::{directory_key, pack_key, snapshot_key},
    seal::ObjectKind,
};

use super::*;

#[test]
fn objects_of_another_repository_are_told_from_anything_else() {
    let run = RunId::new(1, [1; 10]);
    let pack = PackName { run, number: 0 };
    let keys = [
        HEADER_KEY.to_owned(),
        snapshot_key(run),
        directory_key(pack),
        pack_key(ObjectKind::Data, run, pack),
        pack_key(ObjectKind::Manifest, run, pack),
        format!("meta/keys/{run}"),
        format!("meta/log/{run}/000001"),
    ];
    for key in keys {
        for place in ["a", "a/b"] {
            let full = format!("{place}/{key}");
            assert_eq!(inner_repository(&full), Some((place, key.as_str())), "{full}");
        }
        assert_eq!(inner_repository(&key), None, "{key} is the place's own");
        assert_eq!(inner_repository(&format!("meta/quarantine/{run}/{key}")), None);
    }
    for key in
        ["a/data/photo.jpg", "a/meta/keys/x", "a/icecore.txt", "probe/0123456789abcdef-clock", "a/icecore/x"]
    {
        assert_eq!(inner_repository(key), None, "{key}");
    }
}
