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
    // The cache does not contain the removed directories.
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

/// Keeps objects with one of these names, and records its notifications.
#[derive(Default)]
struct Keeper {
    names: Vec<&'static str>,
    kept: Vec<String>,
    removed: Vec<(String, u64)>,
}

fn text(path: &[u8]) -> String {
    String::from_utf8(path.to_vec()).unwrap()
}

impl RemovalWatch for Keeper {
    fn keeps(&mut self, path: &[u8], found: &Location) -> bool {
        let name = text(path).rsplit('/').next().unwrap().to_owned();
        let keeps = self.names.contains(&name.as_str());
        if keeps || found.is_foreign {
            self.kept.push(text(path));
        }
        keeps
    }
    fn removed(&mut self, path: &[u8], entries: u64) {
        self.removed.push((text(path), entries));
    }
}

impl Keeper {
    fn run(names: &[&'static str], place: &Place, path: &str, mode: RemovalMode) -> (Self, bool) {
        let mut keeper = Self { names: names.to_vec(), ..Self::default() };
        let is_removed = place.tree.remove(path.as_bytes(), mode, &mut keeper).unwrap();
        keeper.kept.sort();
        keeper.removed.sort();
        (keeper, is_removed)
    }
}

fn kept_tree(place: &Place) {
    for path in ["t/gone/a/b", "t/mixed/a/keep", "t/mixed/b", "t/kept", "file"] {
        fs::create_dir_all(place.inside(path).parent().unwrap()).unwrap();
        fs::write(place.inside(path), "").unwrap();
    }
    fs::create_dir_all(place.inside("t/closed/below")).unwrap();
}

#[test]
fn what_is_kept_stays_with_the_directories_that_lead_to_it() {
    for mode in [RemovalMode::Survey, RemovalMode::Remove] {
        let place = Place::new();
        kept_tree(&place);
        let (keeper, is_removed) = Keeper::run(&["keep", "kept", "closed"], &place, "t", mode);
        assert!(!is_removed);
        assert_eq!(keeper.kept, ["t/closed", "t/kept", "t/mixed/a/keep"]);
        assert_eq!(keeper.removed, [("t/gone".to_owned(), 3), ("t/mixed/b".to_owned(), 1)]);
        for path in ["t/mixed/a/keep", "t/kept", "t/closed/below"] {
            assert!(place.inside(path).exists(), "{path}");
        }
        assert_eq!(place.inside("t/gone").exists(), mode == RemovalMode::Survey);
        assert_eq!(place.inside("t/mixed/b").exists(), mode == RemovalMode::Survey);
        let (keeper, is_removed) = Keeper::run(&["file"], &place, "file", mode);
        assert!(!is_removed && keeper.removed.is_empty());
        let (keeper, is_removed) = Keeper::run(&[], &place, "t/mixed", mode);
        assert!(is_removed);
        let entries = if mode == RemovalMode::Survey { 4 } else { 3 };
        assert_eq!(keeper.removed, [("t/mixed".to_owned(), entries)]);
        assert_eq!(place.inside("t/mixed").exists(), mode == RemovalMode::Survey);
    }
}

#[test]
fn an_empty_directory_is_removed_and_no_other() {
    let place = Place::new();
    kept_tree(&place);
    assert!(!place.tree.remove_empty_directory(b"t/closed").unwrap());
    assert!(place.tree.remove_empty_directory(b"t/closed/below").unwrap());
    assert!(place.tree.remove_empty_directory(b"t/closed").unwrap());
    assert!(place.tree.remove_empty_directory(b"t/closed").unwrap(), "there is none");
    assert!(place.tree.remove_empty_directory(b"t/kept").is_err());
}

/// A mount that is removed at the end of the test.
struct Mounted(PathBuf);

impl Mounted {
    fn run(arguments: &[&std::ffi::OsStr]) -> bool {
        std::process::Command::new("mount").args(arguments).status().is_ok_and(|status| status.success())
    }

    fn bind(from: &Path, to: &Path) -> Self {
        assert!(Self::run(&["--bind".as_ref(), from.as_os_str(), to.as_os_str()]));
        Self(to.to_owned())
    }

    fn memory(to: &Path) -> Self {
        assert!(Self::run(&["-t".as_ref(), "tmpfs".as_ref(), "none".as_ref(), to.as_os_str()]));
        Self(to.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        std::process::Command::new("umount").arg("-l").arg(&self.0).status().unwrap();
    }
}

#[test]
fn mount_points_stay_and_what_lies_below_them() {
    if !is_root() {
        println!("SKIPPED: mounting needs root");
        return;
    }
    let place = Place::new();
    fs::create_dir_all(place.inside("t/a/memory")).unwrap();
    fs::create_dir_all(place.inside("t/same")).unwrap();
    for path in ["t/a/beside", "t/config", "t/other"] {
        fs::write(place.inside(path), "").unwrap();
    }
    fs::create_dir(place.outside().join("d")).unwrap();
    fs::write(place.outside().join("d/precious"), "1").unwrap();
    let _mounts = [
        Mounted::memory(&place.inside("t/a/memory")),
        // The device is the same; only the number of the mount differs.
        Mounted::bind(&place.outside().join("d"), &place.inside("t/same")),
        Mounted::bind(&place.outside().join("d/precious"), &place.inside("t/config")),
    ];
    fs::write(place.inside("t/a/memory/precious"), "2").unwrap();
    for mode in [RemovalMode::Survey, RemovalMode::Remove] {
        let (keeper, is_removed) = Keeper::run(&[], &place, "t", mode);
        assert!(!is_removed);
        assert_eq!(keeper.kept, ["t/a/memory", "t/config", "t/same"]);
        assert_eq!(keeper.removed, [("t/a/beside".to_owned(), 1), ("t/other".to_owned(), 1)]);
        for path in ["t/a/memory/precious", "t/same/precious", "t/config"] {
            assert!(place.inside(path).exists(), "{path}");
            assert!(!Keeper::run(&[], &place, path, mode).1, "{path}");
        }
    }
}
