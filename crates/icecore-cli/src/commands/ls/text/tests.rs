use icecore_format::entry::{Entry, EntryKind, Marks, Time};
use jiff::tz::TimeZone;

use super::{mode_text, write_columns};

#[test]
fn modes_look_as_in_ls() {
    let cases = [
        (EntryKind::File, 0o644, "-rw-r--r--"),
        (EntryKind::Directory, 0o1777, "drwxrwxrwt"),
        (EntryKind::File, 0o4755, "-rwsr-xr-x"),
        (EntryKind::File, 0o6644, "-rwSr-Sr--"),
        (EntryKind::Directory, 0o1000, "d--------T"),
        (EntryKind::Symlink, 0o777, "lrwxrwxrwx"),
        (EntryKind::BlockDevice, 0, "b---------"),
    ];
    for (kind, mode, text) in cases {
        assert_eq!(mode_text(kind, mode), text);
    }
}

fn entry() -> Entry {
    let mut entry = Entry::new(b"dir/caf\xe9".to_vec(), EntryKind::File);
    (entry.mode, entry.user_id, entry.group_id, entry.size) = (0o640, 1000, 5, 1234);
    entry.modified = Time { seconds: 1_700_000_000, nanoseconds: 1 };
    entry.marks = Marks::CHANGED_WHILE_READ;
    entry
}

#[test]
fn the_columns_of_a_long_listing() {
    let mut line = String::from("from before");
    write_columns(&mut line, &entry(), (Some(b"alice"), None), &TimeZone::UTC);
    assert_eq!(line, "-rw-r----- alice    5                1234 2023-11-14 22:13:20 ");
}
