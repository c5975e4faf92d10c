use icecore_format::entry::{EntryKind, Time};

use super::*;

fn link(path: &str, changed: i64) -> Entry {
    let mut entry = Entry::new(path.as_bytes().to_vec(), EntryKind::File);
    (entry.link_device, entry.inode, entry.size) = (Some(0), 5, 3);
    entry.changed = Time { seconds: changed, nanoseconds: 0 };
    entry
}

#[test]
fn a_name_is_completed_only_from_the_state_in_which_it_was_seen() {
    let mut links = Links::default();
    assert!(!links.announce((0, 5)));
    assert!(links.announce((0, 5)));
    let read = Entry { user_id: 7, ..link("a", 100) };
    links.remember(&read);
    let mut same = link("b", 100);
    assert!(links.complete(&mut same));
    assert_eq!((same.path.as_slice(), same.user_id), (b"b".as_slice(), 7));
    // It changed after it was read, or another file has the inode now.
    let mut later = link("c", 101);
    assert!(!links.complete(&mut later));
    assert_eq!(later, link("c", 101));
}
