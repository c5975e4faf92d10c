use icecore_format::{
    entry::{ChunkRef, Content, Entry, EntryKind, Time},
    ids::ChunkId,
};

use super::{Difference, difference};

#[test]
fn what_differs_is_named() {
    let file = Entry::new(b"a".to_vec(), EntryKind::File);
    let with = |change: fn(&mut Entry)| {
        let mut entry = file.clone();
        change(&mut entry);
        entry
    };
    let cases: [(Entry, Option<Difference>); 7] = [
        (with(|_| {}), None),
        (with(|entry| entry.inode = 7), None),
        (with(|entry| entry.changed = Time { seconds: 1, nanoseconds: 0 }), None),
        (with(|entry| entry.mode = 0o600), Some(Difference::Metadata)),
        (with(|entry| entry.modified = Time { seconds: 1, nanoseconds: 0 }), Some(Difference::Metadata)),
        (
            with(|entry| {
                entry.content =
                    Content::Inline(vec![ChunkRef { id: ChunkId([1; ChunkId::BYTES]), length: 1 }]);
            }),
            Some(Difference::Content),
        ),
        (Entry::new(b"a".to_vec(), EntryKind::Directory), Some(Difference::Kind)),
    ];
    for (entry, expected) in cases {
        assert_eq!(difference(&file, &entry, true), expected);
    }
    // A snapshot from a program that did not record flags says nothing about them.
    let immutable = with(|entry| entry.inode_flags = 0x10);
    assert_eq!(difference(&file, &immutable, true), Some(Difference::Metadata));
    assert_eq!(difference(&file, &immutable, false), None);
}
