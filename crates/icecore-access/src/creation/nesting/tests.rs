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

#[test]
fn a_directory_below_a_repository_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let outer = directory.path().join("outer");
    std::fs::create_dir_all(outer.join("there")).unwrap();
    let inner = [outer.join("there"), outer.join("not/there")];
    for path in inner.iter().chain([&outer]) {
        refuse_enclosing_directory(path).unwrap();
    }
    // A program may have the same name.
    std::fs::write(outer.join(HEADER_KEY), b"\x7fELF and more").unwrap();
    refuse_enclosing_directory(&inner[0]).unwrap();
    std::fs::write(outer.join(HEADER_KEY), [&HEADER_MAGIC[..], b"and more"].concat()).unwrap();
    for path in &inner {
        let failure = refuse_enclosing_directory(path).unwrap_err();
        assert!(failure.to_string().contains("is inside the repository"), "{failure}");
    }
    refuse_enclosing_directory(&outer).unwrap();
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&inner[0], &link).unwrap();
    refuse_enclosing_directory(&link).unwrap_err();
}
