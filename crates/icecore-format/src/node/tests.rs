use proptest::prelude::*;

use super::*;
use crate::{
    entry::{Marks, Time},
    fixtures::{assert_golden, keys, noise_array},
};

fn file(path: &str, size: u64) -> Entry {
    let mut entry = Entry::new(path.as_bytes().to_vec(), EntryKind::File);
    entry.mode = 0o644;
    entry.size = size;
    entry.marks = Marks::UNREADABLE;
    entry
}

fn entries() -> Vec<Entry> {
    let mut root = Entry::new(vec![], EntryKind::Directory);
    root.modified = Time { seconds: 1, nanoseconds: 0 };
    let mut owned = file("dir/other", 7);
    (owned.user_id, owned.group_id) = (1000, 100);
    vec![root, Entry::new(b"dir".to_vec(), EntryKind::Directory), file("dir/one", 5), owned, file("dir-x", 3)]
}

fn leaf(entries: &[Entry]) -> EncodedNode {
    let mut builder = NodeBuilder::new(0, 64);
    for entry in entries {
        let user: Option<&[u8]> = if entry.user_id == 0 { Some(b"root") } else { None };
        builder.push_entry(&keys(), entry, user, Some(b"staff")).unwrap();
    }
    builder.finish(&keys()).unwrap()
}

fn child(last_path: &str) -> Child {
    let totals = Totals { entries: 3, files: 2, bytes: 1 << 33 };
    Child { last_path: last_path.into(), id: ChunkId(noise_array(last_path)), totals }
}

fn inner(children: &[Child]) -> EncodedNode {
    let mut builder = NodeBuilder::new(1, 64);
    for child in children {
        builder.push_child(&keys(), child).unwrap();
    }
    builder.finish(&keys()).unwrap()
}

#[test]
fn node_bytes_are_pinned() {
    assert_golden("node-leaf", &leaf(&entries()).raw);
    assert_golden("node-leaf-id", &leaf(&entries()).child.id.0);
    assert_golden("node-inner", &inner(&[child("a/b"), child("a/bc"), child("b")]).raw);
    assert_golden("node-empty-leaf", &leaf(&[]).raw);
}

#[test]
fn a_leaf_comes_back() {
    let encoded = leaf(&entries());
    let node = Node::decode(&encoded.raw).unwrap();
    assert_eq!((node.level, &node.items), (0, &NodeItems::Leaf(entries())));
    assert_eq!(node.users, OwnerNames::from([(0, b"root".to_vec())]));
    assert_eq!(node.groups, OwnerNames::from([(0, b"staff".to_vec()), (100, b"staff".to_vec())]));
    assert_eq!(node.totals(), Totals { entries: 5, files: 3, bytes: 15 });
    assert_eq!(node.last_path(), Some(&b"dir-x"[..]));
    let Child { last_path, id, totals } = encoded.child;
    assert_eq!(
        (last_path.as_slice(), id, totals),
        (&b"dir-x"[..], keys().node_id(&encoded.raw), node.totals())
    );
}

#[test]
fn an_inner_node_comes_back() {
    let children = vec![child("a"), child("a/b"), child("a-b")];
    let encoded = inner(&children);
    let node = Node::decode(&encoded.raw).unwrap();
    assert_eq!((node.level, &node.items), (1, &NodeItems::Inner(children)));
    assert_eq!(node.totals(), Totals { entries: 9, files: 6, bytes: 3 << 33 });
    assert_eq!((encoded.child.totals, encoded.child.last_path.as_slice()), (node.totals(), &b"a-b"[..]));
}

#[test]
fn an_empty_leaf_is_a_node() {
    let node = Node::decode(&leaf(&[]).raw).unwrap();
    assert_eq!((node.totals(), node.last_path()), (Totals::default(), None));
}

#[test]
fn a_builder_begins_anew_after_each_node() {
    let mut builder = NodeBuilder::new(0, 64);
    assert!(builder.is_empty());
    builder.push_entry(&keys(), &entries()[3], Some(b"alice"), None).unwrap();
    assert!(!builder.is_empty());
    builder.finish(&keys()).unwrap();
    assert!(builder.is_empty());
    builder.push_entry(&keys(), &entries()[4], None, None).unwrap();
    let mut fresh = NodeBuilder::new(0, 64);
    fresh.push_entry(&keys(), &entries()[4], None, None).unwrap();
    assert_eq!(builder.finish(&keys()), fresh.finish(&keys()));
}

#[test]
fn borders_depend_on_paths_alone() {
    let borders = |size: u64| {
        let mut builder = NodeBuilder::new(0, 8);
        let ends = |number: u32| {
            let end = builder.push_entry(&keys(), &file(&format!("{number:05}"), size), None, None).unwrap();
            if end {
                builder.finish(&keys()).unwrap();
            }
            end
        };
        (0..2000).map(ends).collect::<Vec<bool>>()
    };
    let ends = borders(1);
    assert_eq!(ends, borders(u64::MAX));
    let nodes = ends.iter().filter(|end| **end).count();
    assert!((200..300).contains(&nodes), "2000 entries made {nodes} nodes of 8 on average");
    let threshold = u32::MAX / 8;
    let hashes = (0..2000).map(|number| keys().border_bits(0, format!("{number:05}").as_bytes()) < threshold);
    assert!(ends.into_iter().eq(hashes));
}

#[test]
fn nodes_are_bounded_in_items_and_bytes() {
    // An average so large that the hash almost never ends a node.
    let mut builder = NodeBuilder::new(0, u32::MAX);
    let count = (0..).take_while(|number| {
        !builder.push_entry(&keys(), &file(&format!("{number:05}"), 0), None, None).unwrap()
    });
    assert_eq!(count.count() + 1, NODE_ITEMS_SOFT_MAX);
    let mut builder = NodeBuilder::new(0, u32::MAX);
    let mut long = file("0", 0);
    long.attributes = vec![(b"user.x".to_vec(), vec![0; 10_000])];
    let mut number = 0;
    while !builder.push_entry(&keys(), &long, None, None).unwrap() {
        number += 1;
        long.path = number.to_string().into_bytes();
    }
    assert_eq!(number, 6, "the seventh entry of 10,000 bytes reaches 64 KiB");
}

#[test]
fn nodes_are_bounded_in_the_sum_of_their_paths() {
    let deep = |number: usize| {
        let path = [&b"a/".repeat(16 << 10)[..], format!("{number:05}").as_bytes()].concat();
        Entry { path, ..file("", 0) }
    };
    let mut builder = NodeBuilder::new(0, u32::MAX);
    for node in 0..2 {
        let numbers = (node * 100..)
            .take_while(|number| !builder.push_entry(&keys(), &deep(*number), None, None).unwrap());
        assert_eq!(numbers.count() + 1, 32, "32 paths of 32 KiB and a little reach 1 MiB");
        assert!(Node::decode(&builder.finish(&keys()).unwrap().raw).is_ok());
    }
    // The longest possible path, after as many others as can precede it.
    for number in 0..31 {
        assert!(!builder.push_entry(&keys(), &deep(number), None, None).unwrap());
    }
    let mut longest = file("", 0);
    longest.path = b"b/".repeat(PATH_BYTES_MAX / 2);
    longest.path[PATH_BYTES_MAX - 1] = b'b';
    assert_eq!(longest.path.len(), PATH_BYTES_MAX);
    assert!(builder.push_entry(&keys(), &longest, None, None).unwrap());
    assert!(Node::decode(&builder.finish(&keys()).unwrap().raw).is_ok());
}

#[test]
fn owners_with_names_that_are_too_long_are_written_without() {
    let mut builder = NodeBuilder::new(0, 64);
    let long = vec![b'n'; TEXT_BYTES_MAX + 1];
    builder.push_entry(&keys(), &file("a", 0), Some(&long), Some(&long[1..])).unwrap();
    let node = Node::decode(&builder.finish(&keys()).unwrap().raw).unwrap();
    assert_eq!((node.users, node.groups), (OwnerNames::new(), OwnerNames::from([(0, long[1..].to_vec())])));
}

#[test]
#[should_panic(expected = "manifest items come in order")]
fn entries_out_of_order_are_a_mistake_of_the_program() {
    leaf(&[file("b", 0), file("a", 0)]);
}

#[test]
#[should_panic(expected = "manifest items come in order")]
fn repeated_entries_are_a_mistake_of_the_program() {
    leaf(&[file("a", 0), file("a", 0)]);
}

/// An entry without content, as bytes.
const ENTRY: &[u8] = &[0xa4, 0, 0, 1, 0, 4, 0, 6, 0];

/// A leaf of items, each given as the shared length and the rest of the path.
fn crafted(items: &[(u8, &[u8])]) -> Vec<u8> {
    let mut raw = vec![NODE_TYPE, 0xa2, 0, 0, 1, 0x80 + items.len() as u8 * 3];
    for (shared, rest) in items {
        raw.extend_from_slice(&[*shared, 0x40 + rest.len() as u8]);
        raw.extend_from_slice(rest);
        raw.extend_from_slice(ENTRY);
    }
    raw
}

#[test]
fn paths_are_put_together() {
    let node = Node::decode(&crafted(&[(0, b"a/bc"), (2, b"d"), (0, b"b")])).unwrap();
    let NodeItems::Leaf(entries) = node.items else { panic!("not a leaf") };
    let paths: Vec<&[u8]> = entries.iter().map(|entry| entry.path.as_slice()).collect();
    assert_eq!(paths, [&b"a/bc"[..], b"a/d", b"b"]);
}

#[test]
fn paths_that_break_a_rule_are_refused() {
    let bad: [&[(u8, &[u8])]; 13] = [
        &[(0, b"b"), (0, b"a")],
        &[(0, b"a"), (0, b"a")],
        &[(0, b"a"), (1, b"")],
        &[(0, b"a-b"), (1, b"/b")],
        &[(0, b"a"), (0, b"")],
        &[(1, b"a")],
        &[(0, b"a"), (2, b"b")],
        &[(0, b"a"), (23, b"b")],
        &[(0, b"..")],
        &[(0, b"a/"), (2, b"../b")],
        &[(0, b"a"), (1, b"/../b")],
        &[(0, b"/a")],
        &[(0, b"a\0b")],
    ];
    for items in bad {
        assert!(Node::decode(&crafted(items)).is_err(), "{items:?}");
    }
}

#[test]
fn a_shared_length_that_does_not_fit_memory_is_refused() {
    let mut raw = vec![NODE_TYPE, 0xa2, 0, 0, 1, 0x83, 0x1b];
    raw.extend_from_slice(&u64::MAX.to_be_bytes());
    raw.extend_from_slice(&[0x41, b'a']);
    raw.extend_from_slice(ENTRY);
    assert!(Node::decode(&raw).is_err());
}

#[test]
fn front_coding_does_not_make_paths_too_long() {
    // Each path has one component more than the one before it, so the order is correct.
    let long = [&b"a/".repeat(PATH_BYTES_MAX / 2)[..PATH_BYTES_MAX - 1]].concat();
    let mut raw = vec![NODE_TYPE, 0xa2, 0, 0, 1, 0x86, 0, 0x5a];
    raw.extend_from_slice(&(long.len() as u32).to_be_bytes());
    raw.extend_from_slice(&long);
    raw.extend_from_slice(ENTRY);
    raw.push(0x1a);
    raw.extend_from_slice(&(long.len() as u32).to_be_bytes());
    let (mut good, mut bad) = (raw.clone(), raw);
    good.extend_from_slice(&[0x41, b'b']);
    good.extend_from_slice(ENTRY);
    bad.extend_from_slice(&[0x42, b'/', b'b']);
    bad.extend_from_slice(ENTRY);
    assert!(Node::decode(&good).is_ok());
    assert!(Node::decode(&bad).is_err());
}

/// A node whose first path has `length` bytes, and whose `more` other paths repeat all of it and add one
/// byte.
fn unfolding(level: u8, length: usize, more: u8) -> Vec<u8> {
    let value = if level == 0 { ENTRY.to_vec() } else { [&[0x58, 24], &[7; 24][..], &[1, 1, 1]].concat() };
    let fields = (u16::from(more) + 1) * if level == 0 { 3 } else { 6 };
    let mut raw = vec![NODE_TYPE, 0xa2, 0, level, 1, 0x99];
    raw.extend_from_slice(&fields.to_be_bytes());
    raw.extend_from_slice(&[0, 0x5a]);
    raw.extend_from_slice(&(length as u32).to_be_bytes());
    raw.extend_from_slice(&b"a/".repeat(length / 2)[..length - 1]);
    raw.push(b'a');
    raw.extend_from_slice(&value);
    for number in 1..=more {
        raw.push(0x1a);
        raw.extend_from_slice(&(length as u32).to_be_bytes());
        // Any byte except the separator.
        raw.extend_from_slice(&[0x41, number + u8::from(number >= b'/')]);
        raw.extend_from_slice(&value);
    }
    raw
}

#[test]
fn front_coding_does_not_unfold_beyond_measure() {
    let refused = Err(FormatError::malformed(WHAT, "its paths are too long in total"));
    for level in [0, 1] {
        // 2,796,202 + 2 × 2,796,203 bytes are 8 MiB; 838,860 + 9 × 838,861 are one more.
        assert!(Node::decode(&unfolding(level, 2_796_202, 2)).is_ok());
        assert_eq!(Node::decode(&unfolding(level, 838_860, 9)), refused);
        // One megabyte that would expand to a quarter of a gigabyte.
        let bomb = unfolding(level, 1 << 20, 250);
        assert!(bomb.len() < (1 << 20) + (16 << 10));
        assert_eq!(Node::decode(&bomb), refused);
    }
}

#[test]
fn a_root_that_is_not_a_directory_is_refused() {
    let directory = [&[NODE_TYPE, 0xa2, 0, 0, 1, 0x83, 0, 0x40, 0xa4, 0, 1], &ENTRY[3..]].concat();
    assert!(Node::decode(&directory).is_ok());
    assert!(Node::decode(&crafted(&[(0, b"")])).is_err());
}

#[test]
fn malformed_nodes_are_refused() {
    let inner_item = |id: &[u8]| {
        [&[NODE_TYPE, 0xa2, 0, 1, 1, 0x86, 0, 0x41, b'a', 0x58, id.len() as u8], id, &[1, 1, 1]].concat()
    };
    assert!(Node::decode(&inner_item(&[7; 24])).is_ok());
    let bad = [
        vec![],
        vec![NODE_TYPE],
        vec![2, 0xa2, 0, 0, 1, 0x80],
        vec![0, 0xa2, 0, 0, 1, 0x80],
        // Items before the level, no level, no items.
        vec![NODE_TYPE, 0xa2, 1, 0x80, 0, 0],
        vec![NODE_TYPE, 0xa1, 1, 0x80],
        vec![NODE_TYPE, 0xa1, 0, 0],
        vec![NODE_TYPE, 0xa0],
        // An inner node without children, a level that is too high, trailing bytes.
        vec![NODE_TYPE, 0xa2, 0, 1, 1, 0x80],
        [&[NODE_TYPE, 0xa2, 0, 16], &inner_item(&[7; 24])[4..]].concat(),
        [&inner_item(&[7; 24])[..], &[0]].concat(),
        vec![NODE_TYPE, 0xa2, 0, 0, 1, 0x80, 0],
        // Incomplete items, an indefinite number of items, or more items than fit into memory.
        vec![NODE_TYPE, 0xa2, 0, 0, 1, 0x82, 0, 0x41, b'a'],
        vec![NODE_TYPE, 0xa2, 0, 0, 1, 0x9f, 0xff],
        vec![NODE_TYPE, 0xa2, 0, 0, 1, 0x9b, 0, 0, 0, 1, 0, 0, 0, 2],
        vec![NODE_TYPE, 0xa2, 0, 0, 1, 0x99, 0x30, 0x03],
        vec![NODE_TYPE, 0xbb, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        vec![NODE_TYPE, 0xbf, 0, 0, 1, 0x80, 0xff],
        // Ids of the wrong length.
        inner_item(&[7; 23]),
        inner_item(&[7; 25]),
        inner_item(&[7; 32]),
        // Names that are not a map of numbers.
        vec![NODE_TYPE, 0xa3, 0, 0, 2, 0x80, 1, 0x80],
        vec![NODE_TYPE, 0xa3, 0, 0, 2, 0xba, 0, 0, 0x10, 1, 1, 0x80],
        vec![NODE_TYPE, 0xa3, 0, 0, 2, 0xa1, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0, 0x40, 1, 0x80],
    ];
    for raw in bad {
        assert!(Node::decode(&raw).is_err(), "{raw:?}");
    }
}

#[test]
fn names_of_owners_are_bounded() {
    let named = |length: usize| {
        let mut raw = vec![NODE_TYPE, 0xa3, 0, 0, 2, 0xa1, 5, 0x5a];
        raw.extend_from_slice(&(length as u32).to_be_bytes());
        raw.resize(raw.len() + length, b'n');
        raw.extend_from_slice(&[1, 0x80]);
        Node::decode(&raw)
    };
    assert!(named(TEXT_BYTES_MAX).is_ok() && named(TEXT_BYTES_MAX + 1).is_err());
}

#[test]
fn attributes_of_all_entries_are_bounded() {
    let with_attributes = |path: &str, count: usize| {
        let mut entry = Entry::new(path.as_bytes().to_vec(), EntryKind::File);
        let names = (0..count).map(|number| format!("{number:06}").into_bytes());
        entry.attributes = names.map(|name| (name, Vec::new())).collect();
        entry
    };
    let decoded = |counts: &[usize]| {
        let entries: Vec<Entry> =
            counts.iter().zip(["a", "b", "c"]).map(|(count, path)| with_attributes(path, *count)).collect();
        Node::decode(&leaf(&entries).raw)
    };
    let half = NODE_ATTRIBUTES_MAX / 2;
    assert!(decoded(&[half, half]).is_ok());
    assert!(decoded(&[half, half, 1]).is_err());
}

#[test]
fn a_cut_off_node_is_refused() {
    for raw in [leaf(&entries()).raw, inner(&[child("a"), child("b")]).raw] {
        for length in 0..raw.len() {
            assert!(Node::decode(&raw[..length]).is_err(), "{length}");
        }
    }
}

#[test]
fn unknown_fields_are_skipped() {
    let raw = [&[NODE_TYPE, 0xa3, 0x18, 99, 0xa1, 1, 2, 0, 0, 1, 0x80][..]].concat();
    assert_eq!(Node::decode(&raw).unwrap().items, NodeItems::Leaf(vec![]));
}

#[test]
fn totals_of_hostile_numbers_stop_at_the_largest() {
    let mut totals = Totals { entries: u64::MAX, files: 1, bytes: u64::MAX };
    totals.add(Totals { entries: 1, files: 1, bytes: u64::MAX });
    assert_eq!(totals, Totals { entries: u64::MAX, files: 2, bytes: u64::MAX });
}

/// Sorted paths without repetition that share a lot.
fn any_paths() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let byte = prop::sample::select(vec![1u8, b'-', b'.' + 2, b'a', 0xff]);
    let name = prop::collection::vec(byte, 1..4);
    let one = prop::collection::vec(name, 0..4).prop_map(|names| names.join(&b'/'));
    prop::collection::vec(one, 0..20).prop_map(|mut paths| {
        paths.sort_by(|left, right| path::compare(left, right));
        paths.dedup();
        paths
    })
}

proptest! {
    #[test]
    fn leaves_round_trip(paths in any_paths(), entry in crate::entry::tests::any_entry()) {
        let root = |path: &[u8]| path.is_empty() && entry.kind != EntryKind::Directory;
        let paths = paths.into_iter().filter(|path| !root(path));
        let entries: Vec<Entry> = paths.map(|path| Entry { path, ..entry.clone() }).collect();
        let encoded = leaf(&entries);
        let node = Node::decode(&encoded.raw).unwrap();
        prop_assert_eq!(node.totals(), encoded.child.totals);
        prop_assert_eq!(node.last_path().unwrap_or_default(), encoded.child.last_path.as_slice());
        prop_assert_eq!(node.items, NodeItems::Leaf(entries));
    }

    #[test]
    fn inner_nodes_round_trip(paths in any_paths(), sums in any::<[u64; 3]>()) {
        prop_assume!(!paths.is_empty());
        let [entries, files, bytes] = sums;
        let totals = Totals { entries, files, bytes };
        let children: Vec<Child> =
            paths.into_iter().map(|last_path| Child { id: keys().node_id(&last_path), last_path, totals }).collect();
        prop_assert_eq!(Node::decode(&inner(&children).raw).unwrap().items, NodeItems::Inner(children));
    }

    #[test]
    fn changed_nodes_do_no_harm(paths in any_paths(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let entries: Vec<Entry> = paths.into_iter().map(|path| Entry { path, ..file("", 1) }).collect();
        let mut raw = leaf(&entries).raw;
        let at = at.index(raw.len());
        raw[at] = byte;
        if let Ok(Node { items: NodeItems::Leaf(entries), .. }) = Node::decode(&raw) {
            prop_assert!(entries.is_sorted_by(|left, right| path::compare(&left.path, &right.path).is_lt()));
            prop_assert!(entries.iter().all(|entry| entry.validate().is_ok()));
        }
    }

    #[test]
    fn hostile_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(node) = Node::decode(&[&[NODE_TYPE], bytes.as_slice()].concat()) {
            prop_assert!(node.level <= NODE_LEVEL_MAX);
        }
    }
}
