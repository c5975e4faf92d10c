use super::*;

#[test]
fn lists_sorted_with_kinds() {
    let place = Place::new();
    for name in ["b", "a", "a.x", "A"] {
        place.tree.create_directory(name.as_bytes()).unwrap();
    }
    place.tree.create_symlink(b"a/link", b"..").unwrap();
    place.tree.create_special(b"a/pipe", EntryKind::Fifo, 0, 0o600).unwrap();
    place.write("a/file", b"").unwrap();
    let names: Vec<_> = place.tree.list_directory(b"").unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [&b"A"[..], b"a", b"a.x", b"b"]);
    assert_eq!(
        place.tree.list_directory(b"a").unwrap(),
        [
            (b"file".to_vec(), EntryKind::File),
            (b"link".to_vec(), EntryKind::Symlink),
            (b"pipe".to_vec(), EntryKind::Fifo)
        ]
    );
    assert!(place.tree.list_directory(b"missing").unwrap_err().is_not_found());
    assert_eq!(
        problem(&place.tree.list_directory(b"a/file").unwrap_err()),
        Some(TargetPathProblem::NotADirectory)
    );
}

#[test]
fn removes_single_objects() {
    let place = Place::new();
    place.write("file", b"").unwrap();
    symlink(place.outside(), place.inside("link")).unwrap();
    place.tree.create_directory(b"directory").unwrap();
    assert!(place.tree.remove_non_directory(b"file").unwrap());
    assert!(!place.tree.remove_non_directory(b"file").unwrap());
    assert!(place.tree.remove_non_directory(b"link").unwrap());
    assert!(place.tree.remove_non_directory(b"directory").is_err());
    assert!(place.outside().exists());
    assert!(!place.tree.remove_tree(b"missing").unwrap());
    assert!(!place.tree.remove_tree(b"missing/too").unwrap());
    assert!(place.tree.remove_tree(b"directory").unwrap());
    assert_eq!(place.tree.list_directory(b"").unwrap(), []);
}

#[test]
fn removes_trees_without_following_links() {
    let place = Place::new();
    fs::write(place.outside().join("file"), "untouched").unwrap();
    fs::create_dir_all(place.inside("tree/a/b/c")).unwrap();
    fs::create_dir_all(place.inside("tree/d/e")).unwrap();
    for path in ["tree/link", "tree/a/b/link", "tree/d/e/link"] {
        symlink(place.outside(), place.inside(path)).unwrap();
    }
    for number in 0..3000 {
        fs::write(place.inside(&format!("tree/a/file-with-a-rather-long-name-{number}")), "").unwrap();
    }
    place.tree.create_file(b"beside", 0).unwrap();
    assert!(place.tree.remove_tree(b"tree/d").unwrap());
    assert!(place.inside("tree/a/b/c").exists());
    symlink(place.outside(), place.inside("tree-link")).unwrap();
    assert!(place.tree.remove_tree(b"tree").unwrap());
    assert!(place.tree.remove_tree(b"tree-link").unwrap());
    assert_eq!(place.tree.list_directory(b"").unwrap(), []);
    assert_eq!(fs::read(place.outside().join("file")).unwrap(), b"untouched");
    // The removed directories are not remembered.
    place.tree.create_directory(b"tree").unwrap();
    place.write("tree/file", b"").unwrap();
}

#[test]
fn creates_and_removes_very_deep_trees() {
    const DEPTH: usize = 5_000;
    let place = Place::new();
    let mut path = Vec::new();
    for level in 0..DEPTH {
        path.push(b'a' + (level % 26) as u8);
        place.tree.create_directory(&path).unwrap();
        path.push(b'/');
    }
    path.extend_from_slice(b"file");
    place.write(str::from_utf8(&path).unwrap(), b"content").unwrap();
    place.tree.handles.clear();
    assert_eq!(place.tree.look_up(&path).unwrap().unwrap().size, 7);
    assert!(place.tree.remove_tree(b"a").unwrap());
    assert_eq!(place.tree.list_directory(b"").unwrap(), []);
}
