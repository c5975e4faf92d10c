use minicbor::{Decoder, Encoder};
use proptest::prelude::*;

use super::*;
use crate::{
    fixtures::{assert_golden, noise_array},
    limits::{ATTRIBUTES_BYTES_MAX, CHUNK_BYTES_MAX, INLINE_CHUNKS_MAX, NODE_LEVEL_MAX},
};

const MIB: u64 = 1 << 20;

fn id(label: &str) -> ChunkId {
    ChunkId(noise_array(label))
}

fn chunks(lengths: &[u32]) -> Vec<ChunkRef> {
    lengths.iter().map(|length| ChunkRef { id: id(&length.to_string()), length: *length }).collect()
}

fn file() -> Entry {
    let mut entry = Entry::new(b"a/b".to_vec(), EntryKind::File);
    entry.mode = 0o644;
    entry.user_id = 1000;
    entry.group_id = 100_000;
    entry.modified = Time { seconds: 1_790_000_000, nanoseconds: 123_456_789 };
    entry.changed = Time { seconds: -5, nanoseconds: 1 };
    entry.inode = 1 << 40;
    entry.size = 300;
    entry.content = Content::Inline(chunks(&[100, 200]));
    entry
}

fn encode(entry: &Entry) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    entry.encode(&mut encoder).unwrap();
    encoder.into_writer()
}

fn decode_at(path: &[u8], bytes: &[u8]) -> FormatResult<Entry> {
    let mut decoder = Decoder::new(bytes);
    let entry = Entry::decode(path.to_vec(), &mut decoder)?;
    if decoder.position() == bytes.len() {
        Ok(entry)
    } else {
        Err(FormatError::malformed(WHAT, "bytes are left"))
    }
}

fn decode(bytes: &[u8]) -> FormatResult<Entry> {
    decode_at(b"a/b", bytes)
}

#[track_caller]
fn round_trips(entry: &Entry) {
    assert_eq!(decode_at(&entry.path, &encode(entry)).as_ref(), Ok(entry));
}

/// Changes one thing about a good entry; neither validation nor reading may accept it.
#[track_caller]
fn refused(mut entry: Entry, change: impl FnOnce(&mut Entry)) {
    assert_eq!(entry.validate(), Ok(()), "the entry was good before");
    change(&mut entry);
    assert!(entry.validate().is_err(), "{entry:?}");
    assert!(decode_at(&entry.path, &encode(&entry)).is_err(), "{entry:?}");
}

#[test]
fn entry_bytes_are_pinned() {
    assert_golden("entry-file", &encode(&file()));
    let mut single = file();
    single.content = Content::Inline(chunks(&[300]));
    assert_golden("entry-single-chunk", &encode(&single));
    assert_golden("entry-everything", &encode(&everything()));
    assert_golden("entry-directory", &encode(&Entry::new(vec![], EntryKind::Directory)));
    let mut symlink = Entry::new(b"l".to_vec(), EntryKind::Symlink);
    symlink.target = b"../x".to_vec();
    assert_golden("entry-symlink", &encode(&symlink));
    let mut device = Entry::new(b"d".to_vec(), EntryKind::BlockDevice);
    device.special_device = 8 << 32 | 1;
    assert_golden("entry-device", &encode(&device));
}

/// A file with every field that a file can have.
fn everything() -> Entry {
    let mut entry = file();
    entry.link_device = Some(1);
    entry.attributes = vec![(b"security.selinux".to_vec(), b"x\0".to_vec()), (b"user.a".to_vec(), vec![])];
    entry.content = Content::List(ChunkListRef { id: id("list"), level: 1, chunks: 70, bytes: 9 * MIB });
    entry.holes = vec![Hole { offset: 0, length: MIB }, Hole { offset: 3 * MIB, length: 1 }];
    entry.size = 10 * MIB + 1;
    entry.marks = Marks::CHANGED_WHILE_READ.with(Marks::ATTRIBUTES_INCOMPLETE);
    entry
}

#[test]
fn entries_come_back() {
    round_trips(&file());
    round_trips(&everything());
    for kind in 0..=6 {
        let mut entry = Entry::new(b"x".to_vec(), EntryKind::from_number(kind).unwrap());
        if entry.kind == EntryKind::Symlink {
            entry.target = b"/".to_vec();
        }
        assert_eq!(entry.kind as u8, kind);
        round_trips(&entry);
    }
    assert!((7..=255).all(|kind| EntryKind::from_number(kind).is_err()));
}

#[test]
fn numbers_that_are_zero_take_no_space() {
    assert_eq!(encode(&Entry::new(b"a".to_vec(), EntryKind::File)), [0xa4, 0, 0, 1, 0, 4, 0, 6, 0]);
}

#[test]
fn the_length_of_an_only_chunk_follows_from_the_size() {
    let mut entry = file();
    entry.holes = vec![Hole { offset: 10, length: 50 }];
    entry.content = Content::Inline(chunks(&[250]));
    round_trips(&entry);
    entry.size = 1 << 33;
    entry.holes = vec![Hole { offset: 0, length: (1 << 33) - 250 }];
    round_trips(&entry);
}

#[test]
fn link_groups() {
    assert_eq!(file().link_group(), None);
    assert_eq!(everything().link_group(), Some((1, 1 << 40)));
}

#[test]
fn paths_are_checked() {
    for path in [&b".."[..], b"a/../b", b"/etc/passwd", b"a\0", b"a//b"] {
        refused(file(), |entry| entry.path = path.to_vec());
    }
}

#[test]
fn modes_and_times_are_bounded() {
    refused(file(), |entry| entry.mode = 0o10_000);
    refused(file(), |entry| entry.modified.nanoseconds = 1_000_000_000);
    refused(file(), |entry| entry.changed.nanoseconds = u32::MAX);
}

#[test]
fn sizes_are_the_sum_of_chunks_and_holes() {
    refused(file(), |entry| entry.size += 1);
    refused(file(), |entry| entry.size = 0);
    refused(file(), |entry| entry.size = u64::MAX);
    refused(file(), |entry| entry.content = Content::default());
    refused(everything(), |entry| entry.size -= 1);
    refused(everything(), |entry| entry.holes.truncate(1));
}

#[test]
fn holes_are_sorted_and_apart() {
    let holes = |pairs: &[(u64, u64)]| -> Vec<Hole> {
        pairs.iter().map(|&(offset, length)| Hole { offset, length }).collect()
    };
    let sparse = || {
        let mut entry = file();
        entry.holes = holes(&[(0, 10), (20, 10), (90, 10)]);
        entry.size = 330;
        entry
    };
    round_trips(&sparse());
    let bad: [&[(u64, u64)]; 9] = [
        &[(0, 10), (10, 10), (90, 10)],
        &[(20, 10), (0, 10), (90, 10)],
        &[(0, 10), (5, 10), (90, 10)],
        &[(0, 15), (20, 15), (90, 0)],
        &[(0, 0), (20, 30)],
        &[(0, 10), (20, 10), (321, 10)],
        &[(0, 10), (20, 10), (u64::MAX, 10)],
        &[(0, u64::MAX), (20, 31)],
        &[(20, 30), (20, 0)],
    ];
    for pairs in bad {
        refused(sparse(), |entry| entry.holes = holes(pairs));
    }
}

#[test]
fn only_files_have_content() {
    for kind in [EntryKind::Directory, EntryKind::Fifo, EntryKind::Socket, EntryKind::CharacterDevice] {
        let entry = || Entry::new(b"x".to_vec(), kind);
        refused(entry(), |entry| entry.size = 1);
        refused(entry(), |entry| entry.content = Content::Inline(chunks(&[1])));
        refused(entry(), |entry| entry.holes = vec![Hole { offset: 0, length: 1 }]);
        refused(entry(), |entry| entry.target = b"x".to_vec());
    }
    refused(Entry::new(b"x".to_vec(), EntryKind::Directory), |entry| entry.link_device = Some(0));
}

#[test]
fn symbolic_links_have_a_target() {
    let mut link = Entry::new(b"x".to_vec(), EntryKind::Symlink);
    link.target = b"t".to_vec();
    refused(link.clone(), |entry| entry.target.clear());
    refused(link.clone(), |entry| entry.target = b"a\0b".to_vec());
    refused(link, |entry| entry.kind = EntryKind::File);
}

#[test]
fn targets_of_symbolic_links_are_bounded() {
    let mut link = Entry::new(b"x".to_vec(), EntryKind::Symlink);
    link.target = vec![b't'; TARGET_BYTES_MAX];
    round_trips(&link);
    refused(link, |entry| entry.target.push(b't'));
}

#[test]
fn the_root_is_a_directory() {
    round_trips(&Entry::new(vec![], EntryKind::Directory));
    for kind in [0, 2, 3, 4, 5, 6] {
        let mut entry = Entry::new(b"x".to_vec(), EntryKind::from_number(kind).unwrap());
        if entry.kind == EntryKind::Symlink {
            entry.target = b"/".to_vec();
        }
        refused(entry, |entry| entry.path.clear());
    }
}

#[test]
fn the_kind_is_mandatory() {
    let without = [0xa3, 1, 0, 4, 0, 6, 0];
    assert_eq!(decode(&without), Err(FormatError::malformed(WHAT, "its kind is missing")));
    assert!(decode(&[0xa0]).is_err());
    assert!(decode(&[&[0xa4, 0, 0], &without[1..]].concat()).is_ok());
}

#[test]
fn attributes_are_sorted_and_named() {
    let with = |names: &[&[u8]]| {
        let names = names.iter().map(|name| (name.to_vec(), vec![1]));
        names.collect::<Vec<_>>()
    };
    let bad: [&[&[u8]]; 5] = [&[b"b", b"a"], &[b"a", b"a"], &[b""], &[b"a\0"], &[b"a", b"c", b"b"]];
    for names in bad {
        refused(everything(), |entry| entry.attributes = with(names));
    }
}

#[test]
fn attributes_are_bounded() {
    let mut entry = file();
    entry.attributes = vec![(b"user.a".to_vec(), vec![0; ATTRIBUTES_BYTES_MAX])];
    assert!(matches!(decode(&encode(&entry)), Err(FormatError::OutOfBounds { .. })));
    entry.attributes[0].1.truncate(ATTRIBUTES_BYTES_MAX - 6);
    round_trips(&entry);
}

#[test]
fn a_hole_is_no_inline_chunk() {
    let mut entry = file();
    entry.size = 300;
    entry.content = Content::Inline(chunks(&[100, 200]));
    entry.holes.clear();
    refused(entry, |entry| {
        entry.content = Content::Inline(vec![chunks(&[100])[0], ChunkRef::hole(200)]);
    });
}

#[test]
fn an_unreadable_file_has_its_size_and_nothing_else() {
    let mut entry = file();
    entry.content = Content::default();
    entry.marks = Marks::UNREADABLE;
    round_trips(&entry);
    refused(entry.clone(), |entry| entry.content = Content::Inline(chunks(&[300])));
    refused(entry.clone(), |entry| entry.holes = vec![Hole { offset: 0, length: 300 }]);
    entry.marks = Marks::UNREADABLE.with(Marks(1 << 31));
    round_trips(&entry);
    entry.marks = Marks::UNREADABLE.with(Marks::NAME_ONLY);
    round_trips(&entry);
    refused(entry.clone(), |entry| entry.marks = Marks::NAME_ONLY);
    entry.inode_flags = INODE_FLAGS_STORED;
    round_trips(&entry);
}

/// The fields that every file has, followed by some handwritten ones.
fn crafted(number: u8, fields: &[u8]) -> Vec<u8> {
    [&[0xa4 + number, 0, 0, 1, 0, 4, 0, 6, 0], fields].concat()
}

fn ids(number: u8) -> Vec<u8> {
    let mut bytes = vec![14, 0x59];
    bytes.extend_from_slice(&(u16::from(number) * 24).to_be_bytes());
    bytes.resize(4 + usize::from(number) * 24, 7);
    bytes
}

#[test]
fn chunk_lists_that_lie_are_refused() {
    let two = |rest: &[u8]| [&[9, 10][..], &ids(2), rest].concat();
    assert!(decode(&crafted(3, &two(&[15, 0x82, 4, 6]))).is_ok());
    let bad = [
        crafted(2, &two(&[])),
        crafted(3, &two(&[15, 0x80])),
        crafted(3, &two(&[15, 0x81, 10])),
        crafted(3, &two(&[15, 0x83, 4, 4, 2])),
        crafted(3, &two(&[15, 0x82, 0, 10])),
        crafted(3, &two(&[15, 0x82, 4, 7])),
        crafted(3, &two(&[15, 0x82, 4, 5])),
        crafted(3, &two(&[15, 0x9b, 0, 0, 1, 0, 0, 0, 0, 0])),
        // Lengths without ids.
        crafted(1, &[15, 0x81, 1]),
        crafted(2, &[9, 1, 15, 0x81, 1]),
        // Incomplete ids.
        crafted(2, &[9, 1, 14, 0x41, 7]),
        // More than may be inline.
        crafted(3, &[&[9, 9][..], &ids(9), &[15, 0x89], &[1; 9]].concat()),
        // A chunk that exceeds the largest chunk size.
        crafted(2, &[&[9, 0x1a, 1, 0, 0, 1][..], &ids(1)].concat()),
        crafted(2, &[&[9, 0x1b, 0, 0, 1, 0, 0, 0, 0, 0][..], &ids(1)].concat()),
    ];
    for bytes in bad {
        assert!(decode(&bytes).is_err(), "{bytes:?}");
    }
    assert!(decode(&crafted(3, &[&[9, 8][..], &ids(8), &[15, 0x88], &[1; 8]].concat())).is_ok());
}

#[test]
fn chunk_trees_that_lie_are_refused() {
    let tree = |head: &[u8], level: u8, rest: &[u8]| {
        [&[9, 10, 16], head, &[0x58, 24], &[7; 24], &[level], rest].concat()
    };
    assert!(decode(&crafted(2, &tree(&[0x84], 1, &[5, 10]))).is_ok());
    let bad = [
        crafted(2, &tree(&[0x84], 1, &[5, 11])),
        crafted(2, &tree(&[0x84], 16, &[5, 10])),
        crafted(2, &tree(&[0x83], 1, &[5])),
        crafted(2, &tree(&[0x85], 1, &[5, 10, 0])),
        crafted(2, &[9, 10, 16, 0x84, 0x41, 7, 1, 5, 10]),
        crafted(2, &[&[9, 10, 16, 0x84, 0x58, 32][..], &[7; 32], &[1, 5, 10]].concat()),
        crafted(3, &[tree(&[0x84], 1, &[5, 10]), ids(1)].concat()),
        crafted(3, &[&[9, 10][..], &ids(1), &tree(&[0x84], 1, &[5, 10])[2..]].concat()),
    ];
    for bytes in bad {
        assert!(decode(&bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn malformed_maps_are_refused() {
    let bad = [
        vec![],
        vec![0xa0, 0],
        vec![0x80],
        vec![0xbf, 0xff],
        vec![0xa1, 0, 7],
        vec![0xa1, 0, 0x20],
        vec![0xa1, 0x20, 0],
        vec![0xa1, 0x61, b'x', 0],
        vec![0xba, 0, 1, 0, 0],
        crafted(1, &[17, 0x81, 0]),
        crafted(2, &[9, 2, 17, 0x83, 0, 1, 1]),
        crafted(2, &[9, 2, 17, 0x99, 0x40, 2]),
        crafted(1, &[12, 0xbf, 0xff]),
        crafted(1, &[12, 0xba, 0, 2, 0, 0]),
        crafted(1, &[18, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0]),
        crafted(1, &[2, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0]),
    ];
    for bytes in bad {
        assert!(decode(&bytes).is_err(), "{bytes:?}");
    }
    for length in 0..encode(&everything()).len() {
        assert!(decode(&encode(&everything())[..length]).is_err(), "{length}");
    }
}

#[test]
fn unknown_fields_are_skipped() {
    let entry = decode(&crafted(2, &[0x18, 100, 0xa1, 0x61, b'x', 0x82, 1, 0xf6, 9, 0])).unwrap();
    assert_eq!(entry, Entry::new(b"a/b".to_vec(), EntryKind::File));
}

prop_compose! {
    fn any_content()(
        lengths in prop::collection::vec(1u32..=CHUNK_BYTES_MAX, 0..=INLINE_CHUNKS_MAX),
        list in prop::option::of((any::<[u8; ChunkId::BYTES]>(), 0u8..=NODE_LEVEL_MAX, any::<u64>(), 0u64..1 << 60)),
        gaps in prop::collection::vec((1u64..1 << 40, 1u64..1 << 40), 0..5),
    ) -> (Content, Vec<Hole>, u64) {
        let content = match list {
            Some((id, level, chunks, bytes)) => Content::List(ChunkListRef { id: ChunkId(id), level, chunks, bytes }),
            None => Content::Inline(chunks(&lengths)),
        };
        let (mut holes, mut offset, mut left) = (Vec::new(), 0, content.bytes());
        for (data, length) in gaps {
            if data > left {
                break;
            }
            left -= data;
            holes.push(Hole { offset: offset + data, length });
            offset += data + length;
        }
        (content, holes, offset + left)
    }
}

prop_compose! {
    pub(crate) fn any_entry()(
        kind in 0u8..=6,
        (mode, user_id, group_id) in (0u32..=0o7777, any::<u32>(), any::<u32>()),
        times in any::<[i64; 2]>(),
        nanoseconds in [0u32..1_000_000_000, 0u32..1_000_000_000],
        (inode, special_device, marks, inode_flags) in (any::<u64>(), any::<u64>(), any::<u32>(), any::<u32>()),
        link_device in prop::option::of(any::<u32>()),
        attributes in prop::collection::btree_map(
            prop::collection::vec(1u8..=255, 1..20), prop::collection::vec(any::<u8>(), 0..20), 0..4,
        ),
        target in prop::collection::vec(1u8..=255, 1..50),
        (content, holes, size) in any_content(),
    ) -> Entry {
        let kind = EntryKind::from_number(kind).unwrap();
        let mut entry = Entry::new(b"a/b".to_vec(), kind);
        (entry.mode, entry.user_id, entry.group_id) = (mode, user_id, group_id);
        entry.modified = Time { seconds: times[0], nanoseconds: nanoseconds[0] };
        entry.changed = Time { seconds: times[1], nanoseconds: nanoseconds[1] };
        (entry.inode, entry.special_device, entry.marks) = (inode, special_device, Marks(marks & !0b1010));
        entry.inode_flags = inode_flags;
        entry.attributes = attributes.into_iter().collect();
        match kind {
            EntryKind::File => (entry.content, entry.holes, entry.size) = (content, holes, size),
            EntryKind::Symlink => entry.target = target,
            _ => {}
        }
        entry.link_device = link_device.filter(|_| kind != EntryKind::Directory);
        entry
    }
}

proptest! {
    #[test]
    fn entries_round_trip(entry in any_entry()) {
        prop_assert_eq!(entry.validate(), Ok(()));
        prop_assert_eq!(decode(&encode(&entry)), Ok(entry));
    }

    #[test]
    fn changed_entries_do_no_harm(entry in any_entry(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = encode(&entry);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(entry) = decode(&bytes) {
            prop_assert_eq!(entry.validate(), Ok(()));
        }
    }

    #[test]
    fn hostile_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(entry) = decode(&bytes) {
            prop_assert_eq!(entry.validate(), Ok(()));
        }
    }
}
