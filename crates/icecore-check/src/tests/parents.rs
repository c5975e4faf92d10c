//! Entries that are in no directory, and hard links of different kinds.

use icecore_format::{
    entry::{Entry, EntryKind},
    layout,
    node::Child,
};

use super::{
    builder::{Repository, kinds, run},
    structure::{assert_broken, check_root, file, inner, leaf},
};
use crate::ProblemKind;

fn entry(path: &str) -> Entry {
    match path.split_once(' ') {
        Some((path, "directory")) => Entry::new(path.as_bytes().to_vec(), EntryKind::Directory),
        Some((path, _)) => {
            let mut entry = Entry::new(path.as_bytes().to_vec(), EntryKind::Symlink);
            entry.target = b"target".to_vec();
            entry
        }
        None => file(path),
    }
}

fn leaf_of(repository: &mut Repository, paths: &[&str]) -> Child {
    let entries: Vec<Entry> = paths.iter().map(|path| entry(path)).collect();
    leaf(repository, &entries)
}

/// Checks a manifest with these leaves, once with all leaves below the root and once two by two; returns the
/// path that is not a directory.
fn check_leaves(leaves: &[&[&str]]) -> Option<String> {
    let mut said = Vec::new();
    for width in [2, leaves.len().max(2)] {
        let mut repository = Repository::new();
        let mut nodes: Vec<Child> = leaves.iter().map(|paths| leaf_of(&mut repository, paths)).collect();
        let mut level = 0;
        while nodes.len() > 1 {
            level += 1;
            nodes = nodes.chunks(width).map(|children| inner(&mut repository, level, children)).collect();
        }
        let report = check_root(&mut repository, &nodes[0], level);
        if !report.problems.is_empty() {
            assert_broken(&report, ProblemKind::ParentWrong, 0);
        }
        said.push(report.problems.first().map(|problem| {
            let (_, text) = problem.detail.split_once("entries are below ").unwrap();
            text.trim_end_matches(", which is not a directory").to_owned()
        }));
    }
    assert_eq!(said[0], said[1], "{leaves:?}");
    said.remove(0)
}

#[test]
fn entries_in_directories_are_good_wherever_leaves_end() {
    let paths = [
        " directory",
        "a directory",
        "a/b directory",
        "a/b/c directory",
        "a/b/c/d",
        "a/e",
        "a/f directory",
        "a-b directory",
        "a-b/c",
        "g",
    ];
    for width in 1..=paths.len() {
        let leaves: Vec<&[&str]> = paths.chunks(width).collect();
        assert_eq!(check_leaves(&leaves), None, "{width}");
    }
    // The root may be missing.
    assert_eq!(check_leaves(&[&["a"], &["b directory", "b/c"]]), None);
}

#[test]
fn entries_below_something_else_are_damage() {
    let cases: [(&[&[&str]], &str); 12] = [
        (&[&["a", "a/b"]], "a"),
        (&[&["a link", "a/b"]], "a"),
        (&[&["a"], &["a/b"]], "a"),
        (&[&["a link"], &["a/b"], &["c"]], "a"),
        (&[&["a/b"]], "a"),
        (&[&["a/b"], &["c"], &["d"]], "a"),
        (&[&["a directory"], &["a/b"], &["a/b/c"], &["a/d"]], "a/b"),
        (&[&["a directory", "a/b directory"], &["a/c/d"]], "a/c"),
        (&[&["a directory", "b"], &["c/d"]], "c"),
        (&[&["a directory"], &["a-b directory"], &["a-b/c"], &["a-c/d"]], "a-c"),
        (&[&["a directory", "a/b"], &["a/c", "b/d"]], "b"),
        (&[&["a directory"], &["b"], &["b/c", "b/d"], &["e"]], "b"),
    ];
    for (leaves, path) in cases {
        assert_eq!(check_leaves(leaves), Some(format!("{path:?}")), "{leaves:?}");
    }
}

#[test]
fn hard_links_of_different_kinds_are_damage() {
    let mut repository = Repository::new();
    let entries = ["a", "b link", "c"].map(|path| {
        let mut entry = entry(path);
        (entry.link_device, entry.inode) = (Some(0), 5);
        entry
    });
    let same = leaf(&mut repository, &[entries[0].clone(), entries[2].clone()]);
    assert_eq!(check_root(&mut repository.fork(), &same, 0).problems, []);
    let root = leaf(&mut repository, &entries);
    let report = check_root(&mut repository, &root, 0);
    assert_eq!(kinds(&report), [ProblemKind::LinkKindsDiffer]);
    assert_eq!(report.problems[0].object, Some(layout::snapshot_key(run(1))));
    assert!(!report.is_healthy());
}
