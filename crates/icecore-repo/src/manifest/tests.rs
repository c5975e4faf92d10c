use std::collections::{BTreeMap, BTreeSet};

use icecore_format::{
    entry::{Entry, EntryKind},
    node::Totals,
    path,
};
use proptest::prelude::*;

use super::*;
use crate::{
    bed::{Bed, NODE_ITEMS, commit, file, gets, read_manifest, sort, write_manifest},
    error::{RepoError, RepoResult},
};

mod chunk_lists;
mod hostile;

const CACHE_BYTES: usize = 64 << 20;

/// Returns directories with files: `count` entries in all, sorted.
fn tree(count: usize) -> Vec<Entry> {
    let mut entries: Vec<Entry> = (0..count)
        .map(|number| {
            let directory = format!("dir{:03}", number / 20);
            if number % 20 == 0 {
                Entry::new(directory.into_bytes(), EntryKind::Directory)
            } else {
                // Names that sort before and after the separator, and names with a common beginning.
                let name = ["a", "a-b", "b.c", "zz"][number % 4];
                file(format!("{directory}/{name}{number}").as_bytes(), 1)
            }
        })
        .collect();
    sort(&mut entries);
    entries
}

fn totals_of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Totals {
    let mut totals = Totals::default();
    entries.into_iter().for_each(|entry| totals.add(Totals::of(entry)));
    totals
}

/// Writes a manifest in a session of its own.
fn stored(bed: &Bed, entries: &[Entry]) -> ManifestRoot {
    let mut session = bed.session();
    let root = write_manifest(&mut session, entries).unwrap();
    commit(session, &root).unwrap();
    root
}

/// Everything that may be looked up: every path, its close neighbours in the order, both ends.
fn targets(entries: &[Entry]) -> Vec<Vec<u8>> {
    let mut targets: Vec<Vec<u8>> = vec![Vec::new(), b"!".to_vec(), b"~~~".to_vec()];
    for entry in entries {
        targets.push(entry.path.clone());
        targets.push([&entry.path, b"/".as_slice(), b"0"].concat());
        targets.push([&entry.path, b"\x01".as_slice()].concat());
        targets.push(entry.path[..entry.path.len().saturating_sub(1)].to_vec());
    }
    targets.sort_by(|left, right| path::compare(left, right));
    targets
}

#[test]
fn entries_come_back_in_order_whatever_their_number() {
    let bed = Bed::new();
    for count in [0, 1, 2, 3, 10, 100, 6_000] {
        let entries = tree(count);
        let root = stored(&bed, &entries);
        assert_eq!(root.totals, totals_of(&entries));
        let reader = bed.reader();
        assert!(read_manifest(&reader, &root).unwrap() == entries, "{count} entries");
        let mut cursor = ManifestCursor::new(&reader, &root);
        for entry in &entries {
            assert_eq!(cursor.peek().unwrap(), Some(entry));
            assert_eq!(cursor.peek().unwrap(), Some(entry));
            assert_eq!(cursor.next().unwrap().as_ref(), Some(entry));
        }
        for _ in 0..3 {
            assert_eq!(cursor.peek().unwrap(), None);
            assert_eq!(cursor.next().unwrap(), None);
            cursor.seek(b"dir000").unwrap();
        }
        assert!(count < 6_000 || root.level >= 3, "the tree has {} levels", root.level + 1);
        assert!(count > 1 || root.level == 0);
    }
}

#[test]
fn equal_entries_give_the_same_root_whatever_ran_before() {
    let entries = tree(2_000);
    let fresh = stored(&Bed::new(), &entries);
    let bed = Bed::new();
    stored(&bed, &tree(1_500));
    let mut aborted = bed.session();
    write_manifest(&mut aborted, &entries[..700]).unwrap();
    aborted.abort("on purpose").unwrap();
    // The first directory must stay for its files.
    let without_first = stored(&bed, &[&entries[..1], &entries[2..]].concat());
    let later = stored(&bed, &entries);
    assert_eq!((later.node, later.level, later.totals), (fresh.node, fresh.level, fresh.totals));
    assert_ne!(without_first.node, fresh.node);
    assert!(read_manifest(&bed.reader(), &later).unwrap() == entries);
}

#[test]
fn one_changed_entry_adds_one_node_for_each_level() {
    let bed = Bed::new();
    let mut entries = tree(5_000);
    let root = stored(&bed, &entries);
    let height = usize::from(root.level) + 1;
    for place in [0, 1_234, 4_999] {
        let before = bed.index().chunk_rows();
        entries[place].mode = 0o640;
        let changed = stored(&bed, &entries);
        assert_ne!(changed.node, root.node);
        assert_eq!(bed.index().chunk_rows() - before, height, "entry {place}");
    }
    // Files: a directory cannot be removed alone.
    for place in [1, 1_234, 4_001] {
        let before = bed.index().chunk_rows();
        let removed = entries.remove(place);
        stored(&bed, &entries);
        let added = bed.index().chunk_rows() - before;
        // If the entry was the end of a node, two nodes of a level become one.
        assert!(added <= height + 1, "{added} nodes for the removal of {:?}", removed.path);
    }
    let before = bed.index().chunk_rows();
    stored(&bed, &entries);
    assert_eq!(bed.index().chunk_rows(), before, "nothing has changed");
}

#[test]
fn every_path_and_every_gap_is_found() {
    let bed = Bed::new();
    let entries = tree(700);
    let root = stored(&bed, &entries);
    assert!(root.level >= 3);
    let reader = bed.reader();
    let mut forward = ManifestCursor::new(&reader, &root);
    for target in targets(&entries) {
        let expected = entries.iter().find(|entry| path::compare(&entry.path, &target).is_ge());
        let mut cursor = ManifestCursor::new(&reader, &root);
        cursor.seek(&target).unwrap();
        assert_eq!(cursor.peek().unwrap(), expected);
        assert_eq!(cursor.next().unwrap().as_ref(), expected);
        forward.seek(&target).unwrap();
        assert_eq!(forward.peek().unwrap(), expected, "the same cursor goes on");
        let exact = entries.iter().find(|entry| entry.path == target);
        let found = ManifestCursor::new(&reader, &root).find(&target).unwrap();
        assert_eq!(found.as_ref(), exact);
    }
}

#[test]
fn a_cursor_that_has_moved_does_not_go_back() {
    let bed = Bed::new();
    let entries = tree(300);
    let root = stored(&bed, &entries);
    let reader = bed.reader();
    let mut cursor = ManifestCursor::new(&reader, &root);
    for entry in &entries {
        assert_eq!(cursor.next().unwrap().as_ref(), Some(entry));
        cursor.seek(b"").unwrap();
        cursor.seek(&entry.path).unwrap();
    }
    assert_eq!(cursor.next().unwrap(), None);
}

#[test]
fn directories_are_found_with_their_totals() {
    let bed = Bed::new();
    let mut entries = tree(600);
    entries.insert(0, Entry::new(Vec::new(), EntryKind::Directory));
    for (number, entry) in entries.iter_mut().enumerate().filter(|(_, entry)| entry.kind == EntryKind::File) {
        entry.holes = vec![icecore_format::entry::Hole { offset: 0, length: number as u64 }];
        entry.size = number as u64;
    }
    let root = stored(&bed, &entries);
    let reader = bed.reader();
    let mut directories: BTreeSet<Vec<u8>> = targets(&entries).into_iter().collect();
    directories.insert(b"dir00".to_vec());
    for directory in directories {
        let expected: Vec<&Entry> =
            entries.iter().filter(|entry| path::is_within(&entry.path, &directory)).collect();
        let mut cursor = ManifestCursor::new(&reader, &root);
        cursor.seek(&directory).unwrap();
        for entry in &expected {
            assert_eq!(cursor.next().unwrap().as_ref(), Some(*entry));
        }
        let totals = ManifestCursor::new(&reader, &root).totals_within(&directory).unwrap();
        assert_eq!(totals, totals_of(expected), "{directory:?}");
    }
}

#[test]
fn totals_and_single_paths_need_few_nodes() {
    let bed = Bed::new();
    let entries = tree(20_000);
    let root = stored(&bed, &entries);
    let (reader, meter) = bed.metered(CACHE_BYTES);
    ManifestCursor::new(&reader, &root).find(&entries[12_345].path).unwrap().unwrap();
    let height = u64::from(root.level) + 1;
    assert!(gets(&meter) <= height, "{} requests for one path", gets(&meter));
    let (reader, meter) = bed.metered(CACHE_BYTES);
    let totals = ManifestCursor::new(&reader, &root).totals_within(b"").unwrap();
    assert_eq!(totals, root.totals);
    assert!(gets(&meter) <= height, "{} requests for all totals", gets(&meter));
}

#[test]
fn owner_names_go_with_the_entry_returned_last() {
    let bed = Bed::new();
    let mut session = bed.session();
    let mut writer = ManifestWriter::new(NODE_ITEMS);
    let mut entries = tree(200);
    for (number, entry) in entries.iter_mut().enumerate() {
        (entry.user_id, entry.group_id) = (number as u32, number as u32 + 1_000);
        let user = format!("user{number}");
        let group = (number % 2 == 0).then_some(b"group".as_slice());
        writer.push(&mut session, entry, Some(user.as_bytes()), group).unwrap();
    }
    let root = writer.finish(&mut session).unwrap();
    commit(session, &root).unwrap();
    let reader = bed.reader();
    let mut cursor = ManifestCursor::new(&reader, &root);
    assert_eq!(cursor.owner_names(0, 0), (None, None));
    for number in 0..200u32 {
        let entry = cursor.next().unwrap().unwrap();
        let user = format!("user{number}");
        let group = (number % 2 == 0).then_some(b"group".as_slice());
        assert_eq!(cursor.owner_names(entry.user_id, entry.group_id), (Some(user.as_bytes()), group));
    }
}

#[test]
fn a_tree_higher_than_readers_accept_is_refused_when_it_is_written() {
    let bed = Bed::new();
    let mut session = bed.begin(&bed.repository, |_, options| options.verify = false).unwrap();
    // Nodes of two items on average, which no real repository may have.
    let mut writer = ManifestWriter::new(2);
    let mut write = || -> RepoResult<ManifestRoot> {
        for number in 0..1_000_000 {
            writer.push(&mut session, &file(format!("{number:07}").as_bytes(), 0), None, None)?;
        }
        unreachable!("it would have 20 levels")
    };
    assert!(matches!(write(), Err(RepoError::Format(_))));
}

#[test]
fn paths_of_any_length_that_is_written_make_a_tree_of_few_levels() {
    // A chain of directories that ends with a path of 256 KiB, and one more level.
    let bed = Bed::new();
    let mut session = bed.session();
    let mut writer = ManifestWriter::new(NODE_ITEMS);
    let mut path = Vec::new();
    let mut entries = Vec::new();
    while path.len() < 256 << 10 {
        path.extend_from_slice(if path.is_empty() { b"d" } else { b"/" });
        path.extend_from_slice(&[b'd'; 200][..200.min((256 << 10) - path.len())]);
        entries.push(Entry::new(path.clone(), EntryKind::Directory));
    }
    for entry in &entries {
        writer.push(&mut session, entry, None, None).unwrap();
    }
    let beyond = file(&[&path, b"/d".as_slice()].concat(), 0);
    let refused = writer.push(&mut session, &beyond, None, None);
    assert!(matches!(refused, Err(RepoError::EntryRefused { .. })), "{refused:?}");
    writer.push(&mut session, &file(b"e", 0), None, None).unwrap();
    entries.push(file(b"e", 0));
    let root = writer.finish(&mut session).unwrap();
    assert!(root.level < 10, "{} levels", root.level);
    commit(session, &root).unwrap();
    assert!(read_manifest(&bed.reader(), &root).unwrap() == entries);
}

/// Compares two lists of entries without the trees.
fn naive_differences(old: &[Entry], new: &[Entry]) -> Vec<Change> {
    let old: BTreeMap<&[u8], &Entry> = old.iter().map(|entry| (entry.path.as_slice(), entry)).collect();
    let new: BTreeMap<&[u8], &Entry> = new.iter().map(|entry| (entry.path.as_slice(), entry)).collect();
    let mut paths: Vec<&[u8]> = old.keys().chain(new.keys()).copied().collect();
    paths.sort_by(|left, right| path::compare(left, right));
    paths.dedup();
    let changes = paths.into_iter().filter_map(|path| match (old.get(path), new.get(path)) {
        (Some(old), None) => Some(Change::Removed((*old).clone())),
        (None, Some(new)) => Some(Change::Added((*new).clone())),
        (Some(old), Some(new)) if old != new => {
            Some(Change::Modified { old: Box::new((*old).clone()), new: Box::new((*new).clone()) })
        }
        _ => None,
    });
    changes.collect()
}

fn tree_differences(bed: &Bed, old: &ManifestRoot, new: &ManifestRoot) -> Vec<Change> {
    let reader = bed.reader();
    let (mut old, mut new) = (ManifestCursor::new(&reader, old), ManifestCursor::new(&reader, new));
    let mut changes = Vec::new();
    differences(&mut old, &mut new, |change| -> RepoResult<()> {
        changes.push(change);
        Ok(())
    })
    .unwrap();
    changes
}

fn entries_of(versions: &BTreeMap<u16, u8>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = versions
        .iter()
        .map(|(number, version)| {
            file(format!("{:x}/{:x}", number / 16, number % 16).as_bytes(), i64::from(*version))
        })
        .collect();
    let directories: BTreeSet<u16> = versions.keys().map(|number| number / 16).collect();
    let directory = |number| Entry::new(format!("{number:x}").into_bytes(), EntryKind::Directory);
    entries.extend(directories.into_iter().map(directory));
    sort(&mut entries);
    entries
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn differences_are_those_of_the_entries(
        mut versions in prop::collection::btree_map(0u16..600, 0u8..2, 0..500),
        edits in prop::collection::vec((0u16..600, 0u8..4), 0..40),
        cut in prop::option::of((0u16..600, 0u16..300)),
    ) {
        let bed = Bed::new();
        let old = entries_of(&versions);
        for (number, edit) in edits {
            if edit == 3 { versions.remove(&number); } else { versions.insert(number, edit); }
        }
        if let Some((start, length)) = cut {
            versions.retain(|number, _| !(start..start + length).contains(number));
        }
        let new = entries_of(&versions);
        let (old_root, new_root) = (stored(&bed, &old), stored(&bed, &new));
        prop_assert_eq!(tree_differences(&bed, &old_root, &new_root), naive_differences(&old, &new));
        prop_assert_eq!(tree_differences(&bed, &new_root, &old_root), naive_differences(&new, &old));
        prop_assert_eq!(new_root.node == old_root.node, new == old);
    }
}

#[test]
fn what_is_shared_is_not_read_for_a_comparison() {
    let bed = Bed::new();
    let old = tree(20_000);
    let old_root = stored(&bed, &old);
    let compare = |new: &[Entry]| {
        let new_root = stored(&bed, new);
        let (reader, meter) = bed.metered(CACHE_BYTES);
        let mut old_cursor = ManifestCursor::new(&reader, &old_root);
        let mut new_cursor = ManifestCursor::new(&reader, &new_root);
        let mut changes = Vec::new();
        while let Some(change) = next_difference(&mut old_cursor, &mut new_cursor).unwrap() {
            changes.push(change);
        }
        assert_eq!(changes, naive_differences(&old, new));
        gets(&meter)
    };
    assert_eq!(compare(&old), 0, "equal manifests need not be read at all");
    let height = u64::from(old_root.level) + 1;
    for place in [1, 7_777, 19_999] {
        let mut new = old.clone();
        new[place].mode = 0o600;
        let count = compare(&new);
        assert!(count <= 2 * height, "{count} requests for one modified entry");
        new.remove(place);
        let count = compare(&new);
        assert!(count <= 5 * height, "{count} requests for one removed entry");
    }
    let meter = bed.metered(CACHE_BYTES).1;
    assert_eq!(gets(&meter), 0, "only what the readers fetch is counted");
}
