use super::*;

#[test]
fn opens_only_directories() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a/b");
    assert!(TargetTree::open(&path).unwrap_err().is_not_found());
    TargetTree::create(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o700);
    TargetTree::create(&path).unwrap();
    fs::write(path.join("file"), "").unwrap();
    assert!(TargetTree::open(&path.join("file")).is_err());
    assert!(TargetTree::create(&path.join("file")).is_err());
}

#[test]
fn reports_free_space_and_synchronises() {
    let bed = TargetBed::new();
    assert!(bed.tree.free_bytes().unwrap() > 0);
    bed.tree.sync().unwrap();
}

#[test]
fn creates_directories_once() {
    let bed = TargetBed::new();
    assert_eq!(bed.tree.create_directory(b"a").unwrap(), DirectoryOutcome::Created);
    assert_eq!(bed.tree.create_directory(b"a").unwrap(), DirectoryOutcome::Existed);
    assert_eq!(fs::metadata(bed.inside("a")).unwrap().mode() & 0o7777, 0o700);
    assert!(bed.tree.create_directory(b"missing/b").unwrap_err().is_not_found());
    bed.write("file", b"").unwrap();
    assert_eq!(
        problem(&bed.tree.create_directory(b"file").unwrap_err()),
        Some(TargetPathProblem::NotADirectory)
    );
    assert!(bed.tree.remove_non_directory(b"file").unwrap());
    assert_eq!(bed.tree.create_directory(b"file").unwrap(), DirectoryOutcome::Created);
}

#[test]
fn replaces_files_atomically() {
    let bed = TargetBed::new();
    fs::write(bed.inside("file"), "old").unwrap();
    fs::set_permissions(bed.inside("file"), std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
    let file = bed.tree.create_file(b"file", 3).unwrap();
    file.write_at(0, b"new").unwrap();
    assert_eq!(fs::read(bed.inside("file")).unwrap(), b"old");
    file.finish(&metadata(EntryKind::File, 0o644), &Vec::new(), &ApplyOptions::default()).unwrap();
    assert_eq!(fs::read(bed.inside("file")).unwrap(), b"new");
    assert_eq!(fs::metadata(bed.inside("file")).unwrap().mode() & 0o7777, 0o644);

    assert!(file.write_at(0, b"late").is_err());
    assert!(file.set_length(0).is_err());
    assert!(file.finish(&metadata(EntryKind::File, 0o644), &Vec::new(), &ApplyOptions::default()).is_err());
    drop(file);
    assert_eq!(bed.tree.list_directory(b"").unwrap(), [(b"file".to_vec(), EntryKind::File)]);
}

#[test]
fn unfinished_files_leave_nothing() {
    let bed = TargetBed::new();
    let file = bed.tree.create_file(b"file", 5 * 1024 * 1024).unwrap();
    file.write_at(10, b"half").unwrap();
    let names = bed.tree.list_directory(b"").unwrap();
    assert_eq!(names.len(), 1);
    assert!(is_temporary_name(&names[0].0));
    drop(file);
    assert_eq!(bed.tree.list_directory(b"").unwrap(), []);

    // A directory has the name: noticed at the end, and nothing is left behind.
    bed.tree.create_directory(b"directory").unwrap();
    assert!(bed.write("directory", b"content").is_err());
    assert_eq!(bed.tree.list_directory(b"").unwrap(), [(b"directory".to_vec(), EntryKind::Directory)]);
}

#[test]
fn tells_temporary_names_from_others() {
    let bed = TargetBed::new();
    assert!(is_temporary_name(&bed.tree.temporary_name()));
    assert_ne!(bed.tree.temporary_name(), bed.tree.temporary_name());
    for name in
        [".icecore-.part", ".icecore-0123456789abcdef.part", ".icecore-0123456789abcdef-.part", "a.part"]
    {
        assert!(!is_temporary_name(name.as_bytes()), "{name}");
    }
    assert!(!is_temporary_name(b".icecore-0123456789abcdeg-1.part"));
    assert!(is_temporary_name(b".icecore-0123456789abcdef-1f.part"));
}

#[test]
fn several_threads_write_one_file_with_holes() {
    const PIECE: usize = 10_000;
    let bed = TargetBed::new();
    let file = bed.tree.create_file(b"file", 0).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let file = &file;
            scope.spawn(move || {
                for piece in (thread..40).step_by(4).filter(|piece| piece % 5 != 0) {
                    file.write_at((piece * PIECE) as u64, &vec![piece as u8; PIECE]).unwrap();
                }
            });
        }
    });
    file.set_length(41 * PIECE as u64).unwrap();
    file.finish(&metadata(EntryKind::File, 0o600), &Vec::new(), &ApplyOptions::default()).unwrap();
    let expected: Vec<u8> =
        (0..=40_usize).flat_map(|piece| vec![if piece % 5 == 0 { 0 } else { piece as u8 }; PIECE]).collect();
    assert!(fs::read(bed.inside("file")).unwrap() == expected);
}

#[test]
fn many_threads_fill_many_directories() {
    let bed = TargetBed::with_handles(16);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let bed = &bed;
            scope.spawn(move || {
                for number in 0..200 {
                    bed.tree.create_directory(format!("{}", number % 50).as_bytes()).unwrap();
                    bed.write(&format!("{}/{thread}-{number}", number % 50), b"content").unwrap();
                }
            });
        }
    });
    let files: usize =
        (0..50).map(|number| fs::read_dir(bed.inside(&number.to_string())).unwrap().count()).sum();
    assert_eq!(files, 800);
}

#[test]
fn opens_only_regular_files_for_comparison() {
    let bed = TargetBed::new();
    bed.write("file", b"content").unwrap();
    bed.tree.create_symlink(b"link", b"file").unwrap();
    bed.tree.create_special(b"pipe", EntryKind::Fifo, 0, 0o600).unwrap();
    let file = bed.tree.open_existing_for_compare(b"file").unwrap().unwrap();
    let mut buffer = [0; 10];
    assert_eq!(file.read_at(3, &mut buffer).unwrap(), 4);
    assert_eq!(&buffer[..4], b"tent");
    assert_eq!(file.metadata().size, 7);
    for path in [&b"link"[..], b"pipe", b"missing"] {
        assert!(bed.tree.open_existing_for_compare(path).unwrap().is_none());
    }
    assert!(bed.tree.open_existing_for_compare(b"missing/file").unwrap().is_none());
}

#[test]
fn creates_and_replaces_links_and_special_files() {
    let bed = TargetBed::new();
    for content in ["first", "second"] {
        bed.tree.create_symlink(b"link", content.as_bytes()).unwrap();
        assert_eq!(fs::read_link(bed.inside("link")).unwrap(), PathBuf::from(content));
        assert_eq!(bed.tree.read_link(b"link").unwrap().as_deref(), Some(content.as_bytes()));
    }
    let long = "x".repeat(4000);
    bed.tree.create_symlink(b"long", long.as_bytes()).unwrap();
    assert_eq!(bed.tree.read_link(b"long").unwrap().as_deref(), Some(long.as_bytes()));
    assert_eq!(bed.tree.read_link(b"nothing").unwrap(), None);
    for kind in [EntryKind::Fifo, EntryKind::Socket, EntryKind::Fifo] {
        assert!(bed.tree.create_special(b"link", kind, 0, 0o640).unwrap().is_none());
        assert_eq!(bed.tree.look_up(b"link").unwrap().unwrap().kind, kind);
    }
    if is_root() {
        for kind in [EntryKind::CharacterDevice, EntryKind::BlockDevice] {
            let device = (300_u64 << 32) | 0x1_1170;
            if bed.tree.create_special(b"device", kind, device, 0o600).unwrap().is_none() {
                let found = bed.tree.look_up(b"device").unwrap().unwrap();
                assert_eq!((found.kind, found.special_device), (kind, device));
            }
        }
    }
    assert!(bed.tree.create_special(b"file", EntryKind::File, 0, 0o600).is_err());
    assert!(bed.tree.create_symlink(b"nul", b"a\0b").is_err());
    bed.tree.create_directory(b"directory").unwrap();
    assert!(bed.tree.create_symlink(b"directory", b"x").is_err());
    assert!(bed.tree.list_directory(b"").unwrap().iter().all(|(name, _)| !is_temporary_name(name)));
}

#[test]
fn creates_and_replaces_hard_links() {
    let bed = TargetBed::new();
    bed.tree.create_directory(b"directory").unwrap();
    bed.write("directory/file", b"content").unwrap();
    bed.write("other", b"other").unwrap();
    bed.tree.create_hard_link(b"directory/file", b"new").unwrap();
    bed.tree.create_hard_link(b"directory/file", b"other").unwrap();
    // Once more: the two names are the same object already.
    bed.tree.create_hard_link(b"directory/file", b"other").unwrap();
    let found = bed.tree.look_up(b"directory/file").unwrap().unwrap();
    assert_eq!(found.links, 3);
    assert_eq!(fs::read(bed.inside("other")).unwrap(), b"content");
    assert_eq!(bed.tree.list_directory(b"").unwrap().len(), 3);

    // Works for a symbolic link itself, but never for a directory.
    bed.tree.create_symlink(b"link", b"/etc/passwd").unwrap();
    bed.tree.create_hard_link(b"link", b"link-2").unwrap();
    assert_eq!(bed.tree.look_up(b"link-2").unwrap().unwrap().kind, EntryKind::Symlink);
    assert!(bed.tree.create_hard_link(b"directory", b"directory-2").is_err());
    assert!(bed.tree.create_hard_link(b"missing", b"new").unwrap_err().is_not_found());
}

#[test]
fn works_with_long_names_and_beyond_the_longest_path() {
    let bed = TargetBed::new();
    let component = "n".repeat(255);
    let mut path = String::new();
    for _ in 0..40 {
        path.push_str(&component);
        bed.tree.create_directory(path.as_bytes()).unwrap();
        path.push('/');
    }
    let file = format!("{path}{component}");
    bed.write(&file, b"content").unwrap();
    bed.tree.create_symlink(format!("{path}link").as_bytes(), b"x").unwrap();
    bed.tree.create_hard_link(file.as_bytes(), format!("{path}hard").as_bytes()).unwrap();
    bed.apply_with_attributes(
        &file,
        &metadata(EntryKind::File, 0o640),
        &vec![(b"user.deep".to_vec(), b"value".to_vec())],
    );
    assert_eq!(bed.tree.look_up(file.as_bytes()).unwrap().unwrap().size, 7);
    let directory = path.trim_end_matches('/').as_bytes();
    assert_eq!(bed.tree.list_directory(directory).unwrap().len(), 3);
    // Also without cached directories.
    bed.tree.handles.clear();
    assert_eq!(bed.tree.look_up(file.as_bytes()).unwrap().unwrap().mode, 0o640);
    assert!(bed.tree.remove_tree(component.as_bytes()).unwrap());
}

#[test]
fn notices_that_a_cached_directory_was_replaced() {
    let bed = TargetBed::new();
    bed.tree.create_directory(b"a").unwrap();
    bed.tree.create_directory(b"a/b").unwrap();
    bed.write("a/b/first", b"").unwrap();
    fs::remove_dir_all(bed.inside("a")).unwrap();
    assert!(bed.write("a/b/second", b"").unwrap_err().is_not_found());
    fs::create_dir_all(bed.inside("a/b")).unwrap();
    bed.write("a/b/third", b"").unwrap();
    assert!(bed.inside("a/b/third").exists());
    fs::remove_dir_all(bed.inside("a")).unwrap();
    fs::create_dir_all(bed.inside("a/b")).unwrap();
    assert_eq!(bed.tree.list_directory(b"a/b").unwrap(), []);
    assert_eq!(bed.tree.look_up(b"a/b/third").unwrap(), None);
}
