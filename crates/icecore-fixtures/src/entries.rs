//! Entries as values.

use icecore_format::entry::{Entry, EntryKind, Marks, Time};

/// Returns a file whose name is not UTF-8, of the user 1000 and the group 5, that changed while it was read.
pub fn changed_file() -> Entry {
    let mut entry = Entry::new(b"dir/caf\xe9".to_vec(), EntryKind::File);
    (entry.mode, entry.user_id, entry.group_id, entry.size) = (0o640, 1000, 5, 1234);
    entry.modified = Time { seconds: 1_700_000_000, nanoseconds: 1 };
    entry.marks = Marks::CHANGED_WHILE_READ;
    entry
}
