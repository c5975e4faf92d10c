use icecore_format::entry::{Entry, EntryKind};

use icecore_fixtures::{documented::assert_documented, entries::changed_file};

use super::{EntryDocument, below_root};

#[test]
fn json_keeps_names_that_are_no_text() {
    let value = serde_json::to_value(EntryDocument::new(&changed_file(), (Some(b"alice"), None))).unwrap();
    assert_eq!(value["path"], "dir/caf\u{fffd}");
    assert_eq!(value["path_base64"], "ZGlyL2NhZuk=");
    assert_eq!(value["mode"], "0640");
    assert_eq!(value["user"], "alice");
    assert_eq!(value["group"], serde_json::Value::Null);
    assert_eq!(value["marks"][0], "changed-while-read");
    assert_eq!(value.get("target"), None);
    assert_documented(&value);
    let mut link = Entry::new(b"l".to_vec(), EntryKind::Symlink);
    link.target = b"\xff".to_vec();
    assert_documented(&EntryDocument::new(&link, (None, None)));
    assert_documented(&EntryDocument::new(&Entry::new(Vec::new(), EntryKind::BlockDevice), (None, None)));
}

#[test]
fn a_path_of_the_host_is_told_from_one_of_the_source() {
    type Case = (&'static [u8], &'static [u8], Option<&'static [u8]>);
    let cases: [Case; 6] = [
        (b"/srv/data", b"srv/data/etc/hosts", Some(b"etc/hosts")),
        (b"/srv/data", b"srv/data", Some(b"")),
        (b"/srv/data", b"srv/database/x", None),
        (b"/srv/data", b"etc/hosts", None),
        (b"/", b"etc/hosts", None),
        (b"dump.sql", b"dump.sql/x", None),
    ];
    for (root, path, expected) in cases {
        assert_eq!(below_root(root, path), expected, "{:?}", String::from_utf8_lossy(path));
    }
}
