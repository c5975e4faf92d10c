use std::{fs, io, os::unix::fs::symlink};

use icecore_fs::walk::{Walk, WalkItem, WalkOptions};

use super::*;
use crate::reading::attributes::read_metadata;

/// A tree, and the objects that a walk found in it.
struct Tree(tempfile::TempDir, Vec<WalkEntry>);

impl Tree {
    fn new(files: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        // With one thread, it is always the same directory that is open at the end.
        let options = WalkOptions { concurrency: 1, directories_open_max: 1, ..WalkOptions::default() };
        let entry = |item| match item {
            WalkItem::Entry(entry) => entry,
            other => panic!("{other:?}"),
        };
        let entries = Walk::start(root.path(), options).unwrap().flatten().map(entry).collect();
        Self(root, entries)
    }

    fn find(&self, path: &str) -> &WalkEntry {
        self.1.iter().find(|entry| entry.path == path.as_bytes()).unwrap()
    }

    fn look(&self, path: &str, error: io::ErrorKind) -> Next {
        let source = self.find(path);
        let entry = capture::entry(source.path.clone(), &source.metadata);
        look(entry, source, source.error("open", io::Error::from(error)))
    }
}

fn retry(next: Next) -> (Entry, WalkEntry) {
    let Next::Retry(found) = next else { panic!("{next:?}") };
    *found
}

fn end(next: Next) -> ReadItem {
    let Next::Done(item) = next else { panic!("{next:?}") };
    *item
}

#[test]
fn what_has_become_something_else_is_read_as_that() {
    let tree = Tree::new(&["link", "directory", "file"]);
    for name in ["link", "directory", "file"] {
        fs::remove_file(tree.0.path().join(name)).unwrap();
    }
    symlink("target", tree.0.path().join("link")).unwrap();
    fs::create_dir(tree.0.path().join("directory")).unwrap();
    fs::write(tree.0.path().join("file"), "longer than before").unwrap();

    let (entry, source) = retry(tree.look("link", io::ErrorKind::NotFound));
    let item = read_metadata(entry, &source);
    assert_eq!((item.entry.kind, item.entry.target.as_slice()), (EntryKind::Symlink, b"target".as_slice()));
    assert!(item.problem.is_none());

    let (entry, source) = retry(tree.look("directory", io::ErrorKind::InvalidInput));
    let item = came_too_late(read_metadata(entry, &source));
    assert_eq!((item.entry.kind, item.entry.marks), (EntryKind::Directory, Marks::UNREADABLE));
    assert!(matches!(item.problem, Some(SourceProblem::Changing { .. })), "its content is not in the walk");

    let (entry, _) = retry(tree.look("file", io::ErrorKind::NotFound));
    assert_eq!((entry.kind, entry.size, entry.path.as_slice()), (EntryKind::File, 18, b"file".as_slice()));
}

#[test]
fn only_what_is_gone_has_vanished() {
    let tree = Tree::new(&["file", "gone"]);
    fs::remove_file(tree.0.path().join("gone")).unwrap();
    let item = end(tree.look("gone", io::ErrorKind::NotFound));
    assert!(matches!(item.outcome, Outcome::Vanished(_)) && item.problem.is_none(), "{item:?}");
    let item = end(tree.look("file", io::ErrorKind::PermissionDenied));
    assert!(matches!(item.outcome, Outcome::Complete), "{item:?}");
    assert_eq!(item.entry.marks, Marks::UNREADABLE);
    assert!(matches!(item.problem, Some(SourceProblem::Unreadable(_))));
}

#[test]
fn a_directory_keeps_its_entry_and_a_file_of_a_moved_one_its_name() {
    let tree = Tree::new(&["a/file", "z/file"]);
    for name in ["a", "z"] {
        fs::rename(tree.0.path().join(name), tree.0.path().join(format!("{name}-moved"))).unwrap();
    }
    let item = end(tree.look("a", io::ErrorKind::NotFound));
    assert_eq!(item.entry.kind, EntryKind::Directory);
    assert!(matches!(item.problem, Some(SourceProblem::Gone { path }) if path == b"a"));
    // Only one directory is open at a time, and no longer that of `a`.
    let item = end(tree.look("a/file", io::ErrorKind::NotFound));
    assert_eq!((item.entry.marks, item.entry.path.as_slice()), (Marks::UNREADABLE, b"a/file".as_slice()));
    assert!(matches!(item.problem, Some(SourceProblem::Gone { path }) if path == b"a"));
}

#[test]
fn what_is_replaced_again_and_again_is_changing() {
    let tree = Tree::new(&["file"]);
    let path = tree.0.path().join("file");
    let source = tree.find("file").clone();
    let entry = capture::entry(source.path.clone(), &source.metadata);
    let replace = |entry: Entry, source: &WalkEntry| {
        // A new file beside the old one has a different inode.
        fs::write(path.with_extension("new"), "new").unwrap();
        fs::rename(path.with_extension("new"), &path).unwrap();
        let error = source.error("open", io::Error::from(io::ErrorKind::NotFound));
        ReadItem { entry, outcome: Outcome::Failed(error), problem: None }
    };
    let item = read(entry, source, replace, replace);
    assert!(matches!(item.problem, Some(SourceProblem::Changing { .. })), "{item:?}");
    assert_eq!(item.entry.marks, Marks::UNREADABLE);
}

#[test]
fn what_is_read_by_a_name_is_not_taken_from_another_object() {
    let tree = Tree::new(&["file", "steady"]);
    let of = |path: &str| {
        let source = tree.find(path).clone();
        (capture::entry(source.path.clone(), &source.metadata), source)
    };
    let (entry, source) = of("steady");
    assert!(matches!(read_metadata(entry, &source).outcome, Outcome::Complete));

    let (entry, source) = of("file");
    fs::write(tree.0.path().join("other"), "other").unwrap();
    fs::rename(tree.0.path().join("other"), tree.0.path().join("file")).unwrap();
    let item = read_metadata(entry, &source);
    let Outcome::Failed(error) = item.outcome else { panic!("{item:?}") };
    let (entry, found) = retry(look(item.entry, &source, error));
    assert_ne!(entry.inode, source.metadata.inode);
    assert!(matches!(read_metadata(entry, &found).outcome, Outcome::Complete));
}
