use super::*;

#[test]
fn lists_sorted_with_kinds() {
    let bed = TargetBed::new();
    for name in ["b", "a", "a.x", "A"] {
        bed.tree.create_directory(name.as_bytes()).unwrap();
    }
    bed.tree.create_symlink(b"a/link", b"..").unwrap();
    bed.tree.create_special(b"a/pipe", EntryKind::Fifo, 0, 0o600).unwrap();
    bed.write("a/file", b"").unwrap();
    let names: Vec<_> = bed.tree.list_directory(b"").unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [&b"A"[..], b"a", b"a.x", b"b"]);
    assert_eq!(
        bed.tree.list_directory(b"a").unwrap(),
        [
            (b"file".to_vec(), EntryKind::File),
            (b"link".to_vec(), EntryKind::Symlink),
            (b"pipe".to_vec(), EntryKind::Fifo)
        ]
    );
    assert!(bed.tree.list_directory(b"missing").unwrap_err().is_not_found());
    assert_eq!(
        problem(&bed.tree.list_directory(b"a/file").unwrap_err()),
        Some(TargetPathProblem::NotADirectory)
    );
}

#[test]
fn removes_single_objects() {
    let bed = TargetBed::new();
    bed.write("file", b"").unwrap();
    symlink(bed.outside(), bed.inside("link")).unwrap();
    bed.tree.create_directory(b"directory").unwrap();
    assert!(bed.tree.remove_non_directory(b"file").unwrap());
    assert!(!bed.tree.remove_non_directory(b"file").unwrap());
    assert!(bed.tree.remove_non_directory(b"link").unwrap());
    assert!(bed.tree.remove_non_directory(b"directory").is_err());
    assert!(bed.outside().exists());
    assert!(!bed.tree.remove_tree(b"missing").unwrap());
    assert!(!bed.tree.remove_tree(b"missing/too").unwrap());
    assert!(bed.tree.remove_tree(b"directory").unwrap());
    assert_eq!(bed.tree.list_directory(b"").unwrap(), []);
}

#[test]
fn removes_trees_without_following_links() {
    let bed = TargetBed::new();
    fs::write(bed.outside().join("file"), "untouched").unwrap();
    fs::create_dir_all(bed.inside("tree/a/b/c")).unwrap();
    fs::create_dir_all(bed.inside("tree/d/e")).unwrap();
    for path in ["tree/link", "tree/a/b/link", "tree/d/e/link"] {
        symlink(bed.outside(), bed.inside(path)).unwrap();
    }
    for number in 0..3000 {
        fs::write(bed.inside(&format!("tree/a/file-with-a-rather-long-name-{number}")), "").unwrap();
    }
    bed.tree.create_file(b"beside", 0).unwrap();
    assert!(bed.tree.remove_tree(b"tree/d").unwrap());
    assert!(bed.inside("tree/a/b/c").exists());
    symlink(bed.outside(), bed.inside("tree-link")).unwrap();
    assert!(bed.tree.remove_tree(b"tree").unwrap());
    assert!(bed.tree.remove_tree(b"tree-link").unwrap());
    assert_eq!(bed.tree.list_directory(b"").unwrap(), []);
    assert_eq!(fs::read(bed.outside().join("file")).unwrap(), b"untouched");
    // The cache does not contain the removed directories.
    bed.tree.create_directory(b"tree").unwrap();
    bed.write("tree/file", b"").unwrap();
}

#[test]
fn creates_and_removes_very_deep_trees() {
    const DEPTH: usize = 5_000;
    let bed = TargetBed::new();
    let mut path = Vec::new();
    for level in 0..DEPTH {
        path.push(b'a' + (level % 26) as u8);
        bed.tree.create_directory(&path).unwrap();
        path.push(b'/');
    }
    path.extend_from_slice(b"file");
    bed.write(str::from_utf8(&path).unwrap(), b"content").unwrap();
    bed.tree.handles.clear();
    assert_eq!(bed.tree.look_up(&path).unwrap().unwrap().size, 7);
    assert!(bed.tree.remove_tree(b"a").unwrap());
    assert_eq!(bed.tree.list_directory(b"").unwrap(), []);
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
    fn run(names: &[&'static str], bed: &TargetBed, path: &str, mode: RemovalMode) -> (Self, bool) {
        let mut keeper = Self { names: names.to_vec(), ..Self::default() };
        let is_removed = bed.tree.remove(path.as_bytes(), mode, &mut keeper).unwrap();
        keeper.kept.sort();
        keeper.removed.sort();
        (keeper, is_removed)
    }
}

fn kept_tree(bed: &TargetBed) {
    for path in ["t/gone/a/b", "t/mixed/a/keep", "t/mixed/b", "t/kept", "file"] {
        fs::create_dir_all(bed.inside(path).parent().unwrap()).unwrap();
        fs::write(bed.inside(path), "").unwrap();
    }
    fs::create_dir_all(bed.inside("t/closed/below")).unwrap();
}

#[test]
fn what_is_kept_stays_with_the_directories_that_lead_to_it() {
    for mode in [RemovalMode::Survey, RemovalMode::Remove] {
        let bed = TargetBed::new();
        kept_tree(&bed);
        let (keeper, is_removed) = Keeper::run(&["keep", "kept", "closed"], &bed, "t", mode);
        assert!(!is_removed);
        assert_eq!(keeper.kept, ["t/closed", "t/kept", "t/mixed/a/keep"]);
        assert_eq!(keeper.removed, [("t/gone".to_owned(), 3), ("t/mixed/b".to_owned(), 1)]);
        for path in ["t/mixed/a/keep", "t/kept", "t/closed/below"] {
            assert!(bed.inside(path).exists(), "{path}");
        }
        assert_eq!(bed.inside("t/gone").exists(), mode == RemovalMode::Survey);
        assert_eq!(bed.inside("t/mixed/b").exists(), mode == RemovalMode::Survey);
        let (keeper, is_removed) = Keeper::run(&["file"], &bed, "file", mode);
        assert!(!is_removed && keeper.removed.is_empty());
        let (keeper, is_removed) = Keeper::run(&[], &bed, "t/mixed", mode);
        assert!(is_removed);
        let entries = if mode == RemovalMode::Survey { 4 } else { 3 };
        assert_eq!(keeper.removed, [("t/mixed".to_owned(), entries)]);
        assert_eq!(bed.inside("t/mixed").exists(), mode == RemovalMode::Survey);
    }
}

#[test]
fn an_empty_directory_is_removed_and_no_other() {
    let bed = TargetBed::new();
    kept_tree(&bed);
    assert!(!bed.tree.remove_empty_directory(b"t/closed").unwrap());
    assert!(bed.tree.remove_empty_directory(b"t/closed/below").unwrap());
    assert!(bed.tree.remove_empty_directory(b"t/closed").unwrap());
    assert!(bed.tree.remove_empty_directory(b"t/closed").unwrap(), "there is none");
    assert!(bed.tree.remove_empty_directory(b"t/kept").is_err());
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
    let bed = TargetBed::new();
    fs::create_dir_all(bed.inside("t/a/memory")).unwrap();
    fs::create_dir_all(bed.inside("t/same")).unwrap();
    for path in ["t/a/beside", "t/config", "t/other"] {
        fs::write(bed.inside(path), "").unwrap();
    }
    fs::create_dir(bed.outside().join("d")).unwrap();
    fs::write(bed.outside().join("d/precious"), "1").unwrap();
    let _mounts = [
        Mounted::memory(&bed.inside("t/a/memory")),
        // The device is the same; only the number of the mount differs.
        Mounted::bind(&bed.outside().join("d"), &bed.inside("t/same")),
        Mounted::bind(&bed.outside().join("d/precious"), &bed.inside("t/config")),
    ];
    fs::write(bed.inside("t/a/memory/precious"), "2").unwrap();
    for mode in [RemovalMode::Survey, RemovalMode::Remove] {
        let (keeper, is_removed) = Keeper::run(&[], &bed, "t", mode);
        assert!(!is_removed);
        assert_eq!(keeper.kept, ["t/a/memory", "t/config", "t/same"]);
        assert_eq!(keeper.removed, [("t/a/beside".to_owned(), 1), ("t/other".to_owned(), 1)]);
        for path in ["t/a/memory/precious", "t/same/precious", "t/config"] {
            assert!(bed.inside(path).exists(), "{path}");
            assert!(!Keeper::run(&[], &bed, path, mode).1, "{path}");
        }
    }
}
