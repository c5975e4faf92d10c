use icecore_format::{entry::ChunkRef, ids::ChunkId};

use super::*;

fn directory(path: &str) -> Entry {
    Entry::new(path.as_bytes().to_vec(), EntryKind::Directory)
}

fn file(path: &str) -> Entry {
    Entry::new(path.as_bytes().to_vec(), EntryKind::File)
}

/// A hard link with one chunk.
fn link(path: &str, chunk: u8) -> Entry {
    let chunks = vec![ChunkRef { id: ChunkId([chunk; ChunkId::BYTES]), length: 10 }];
    let content = Content::Inline(chunks);
    Entry { size: 10, inode: 7, link_device: Some(0), content, ..file(path) }
}

/// Admits entries one by one; returns the paths of the refused ones, with the reasons.
fn refused(soundness: &mut Soundness, entries: &[Entry]) -> Vec<String> {
    let refuse = |entry: &Entry| {
        let refusal = soundness.admit(entry).err()?;
        Some(format!("{}: {refusal}", String::from_utf8_lossy(&entry.path)))
    };
    entries.iter().filter_map(refuse).collect()
}

#[test]
fn a_whole_tree_is_sound() {
    let paths = ["", "a/", "a/b/", "a/b/c", "a/d", "a b", "a-/", "a-/x", "b"];
    let entries: Vec<Entry> = paths
        .iter()
        .map(|path| match path.strip_suffix('/') {
            Some(path) => directory(path),
            None if path.is_empty() => directory(path),
            None => file(path),
        })
        .collect();
    for leaf_entries in 1..=entries.len() {
        let mut soundness = Soundness::default();
        for leaf in entries.chunks(leaf_entries) {
            soundness.admit_all(leaf).unwrap();
        }
        assert_eq!(refused(&mut Soundness::default(), &entries), Vec::<String>::new());
    }
    // The only file of a stream has no root.
    assert_eq!(refused(&mut Soundness::default(), &[file("dump.sql")]), Vec::<String>::new());
}

#[test]
fn an_entry_without_its_directory_is_refused() {
    let missing = "its directory is not in the snapshot";
    let cases: [(&[Entry], &str); 7] = [
        (&[file("a/b")], "a/b"),
        (&[directory(""), file("a/b")], "a/b"),
        (&[directory(""), file("a"), file("a/b")], "a/b"),
        (&[directory(""), directory("a"), file("a/b"), file("a/b/c")], "a/b/c"),
        (&[directory(""), directory("a"), directory("a/b"), file("a/c/d")], "a/c/d"),
        (&[directory(""), directory("a"), directory("a-"), file("b/x")], "b/x"),
        // Same length as a known directory.
        (&[directory(""), directory("aa"), file("aa/x"), file("ab/x")], "ab/x"),
    ];
    for (entries, path) in cases {
        assert_eq!(refused(&mut Soundness::default(), entries), [format!("{path}: {missing}")]);
        let (last, before) = entries.split_last().unwrap();
        let mut soundness = Soundness::default();
        assert!(soundness.admit_all(entries).is_err());
        // All or none.
        soundness.admit_all(before).unwrap();
        let (refused, refusal) = soundness.admit_all(std::slice::from_ref(last)).unwrap_err();
        assert_eq!((refused, refusal.to_string()), (path.as_bytes().to_vec(), missing.to_owned()));
    }
}

#[test]
fn a_refused_entry_changes_nothing() {
    let mut soundness = Soundness::default();
    let entries = [directory(""), directory("a"), directory("a/b"), file("z/no"), file("a"), file("a/b/c")];
    let found = refused(&mut soundness, &entries);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[1].starts_with("a: its path is out of order"), "{found:?}");
    let long = file(&"n".repeat(5000));
    assert!(matches!(soundness.admit(&long), Err(EntryRefusal::Format(_))));
    let mut many = link("many", 1);
    many.content = Content::Inline(vec![ChunkRef { id: ChunkId([1; ChunkId::BYTES]), length: 1 }; 10]);
    assert!(matches!(soundness.admit(&many), Err(EntryRefusal::Format(_))));
    soundness.admit(&file("a/d")).unwrap();
}

#[test]
fn names_of_one_file_have_one_content() {
    let mut soundness = Soundness::default();
    assert_eq!(soundness.link_agreement(&link("a", 1)), LinkAgreement::First);
    soundness.admit(&link("a", 1)).unwrap();
    assert_eq!(soundness.link_agreement(&link("b", 1)), LinkAgreement::Same);
    assert_eq!(soundness.link_agreement(&link("b", 2)), LinkAgreement::Different);
    assert!(matches!(soundness.admit(&link("b", 2)), Err(EntryRefusal::LinksDiffer)));
    // Different metadata is not damage, but the entries are not the same.
    let other_mode = Entry { mode: 0o600, ..link("c", 1) };
    assert_eq!(soundness.link_agreement(&other_mode), LinkAgreement::Different);
    soundness.admit(&other_mode).unwrap();
    // A file that kept changing may differ; it is marked.
    let changing = Entry { marks: Marks::CHANGED_WHILE_READ, ..link("d", 2) };
    soundness.admit(&changing).unwrap();
    assert!(matches!(soundness.admit(&link("e", 3)), Err(EntryRefusal::LinksDiffer)));
    let other_file = Entry { inode: 8, ..link("f", 3) };
    soundness.admit(&other_file).unwrap();
    let (path, refusal) = soundness.admit_all(&[link("g", 1), link("h", 2)]).unwrap_err();
    assert!(matches!(refusal, EntryRefusal::LinksDiffer) && path == b"h");
}
