use icecore_fixtures::entries::changed_file;
use icecore_format::entry::EntryKind;
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

#[test]
fn the_columns_of_a_long_listing() {
    let mut line = String::from("from before");
    write_columns(&mut line, &changed_file(), (Some(b"alice"), None), &TimeZone::UTC);
    assert_eq!(line, "-rw-r----- alice    5                1234 2023-11-14 22:13:20 ");
}
