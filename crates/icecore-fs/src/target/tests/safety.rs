use std::sync::atomic::AtomicBool;

use super::*;

#[test]
fn rejects_paths_that_could_leave_the_target() {
    use TargetPathProblem::{Absolute, ComponentTooLong, DotComponent, Empty, EmptyComponent, Nul};
    let bed = TargetBed::new();
    bed.tree.create_directory(b"a").unwrap();
    let long = "n".repeat(256);
    for (path, expected) in [
        ("", Empty),
        ("/etc/passwd", Absolute),
        ("/", Absolute),
        ("..", DotComponent),
        (".", DotComponent),
        ("../outside/x", DotComponent),
        ("a/../../outside/x", DotComponent),
        ("a/./x", DotComponent),
        ("a/..", DotComponent),
        ("a//x", EmptyComponent),
        ("a/", EmptyComponent),
        ("a/x\0y", Nul),
        (&long, ComponentTooLong),
    ] {
        let tree = &bed.tree;
        let bytes = path.as_bytes();
        for error in [
            tree.create_directory(bytes).unwrap_err(),
            tree.create_file(bytes, 0).unwrap_err(),
            tree.create_symlink(bytes, b"x").unwrap_err(),
            tree.create_special(bytes, EntryKind::Fifo, 0, 0o600).unwrap_err(),
            tree.create_hard_link(bytes, b"a/new").unwrap_err(),
            tree.create_hard_link(b"a", bytes).unwrap_err(),
            tree.open_existing_for_compare(bytes).unwrap_err(),
            tree.remove_non_directory(bytes).unwrap_err(),
            tree.remove_tree(bytes).unwrap_err(),
        ] {
            assert_eq!(problem(&error), Some(expected), "{path:?}: {error}");
        }
        if path.is_empty() {
            continue;
        }
        let wanted = metadata(EntryKind::File, 0o600);
        for error in [
            tree.look_up(bytes).unwrap_err(),
            tree.list_directory(bytes).unwrap_err(),
            tree.apply_metadata(bytes, &wanted, &Vec::new(), &ApplyOptions::default()).unwrap_err(),
        ] {
            assert_eq!(problem(&error), Some(expected), "{path:?}: {error}");
        }
    }
    bed.assert_outside_is_empty();
}

#[test]
fn never_goes_through_a_symbolic_link() {
    for handles_max in [0, 64] {
        let bed = TargetBed::with_handles(handles_max);
        bed.tree.create_directory(b"real").unwrap();
        bed.write("real/file", b"").unwrap();
        symlink(bed.outside(), bed.inside("trap")).unwrap();
        symlink(bed.outside(), bed.inside("real/trap")).unwrap();
        // Even one whose target is inside.
        symlink("real", bed.inside("inner")).unwrap();
        for trap in ["trap", "real/trap", "inner"] {
            let path = format!("{trap}/x");
            let bytes = path.as_bytes();
            let tree = &bed.tree;
            let wanted = metadata(EntryKind::File, 0o600);
            for error in [
                tree.create_directory(bytes).unwrap_err(),
                tree.create_file(bytes, 0).unwrap_err(),
                tree.create_symlink(bytes, b"x").unwrap_err(),
                tree.create_special(bytes, EntryKind::Fifo, 0, 0o600).unwrap_err(),
                tree.create_hard_link(b"real/file", bytes).unwrap_err(),
                tree.create_hard_link(bytes, b"real/new").unwrap_err(),
                tree.open_existing_for_compare(bytes).unwrap_err(),
                tree.apply_metadata(bytes, &wanted, &Vec::new(), &ApplyOptions::default()).unwrap_err(),
                tree.list_directory(trap.as_bytes()).unwrap_err(),
                tree.remove_non_directory(bytes).unwrap_err(),
                tree.remove_tree(bytes).unwrap_err(),
                tree.create_directory(trap.as_bytes()).unwrap_err(),
            ] {
                assert_eq!(problem(&error), Some(TargetPathProblem::SymbolicLink), "{path:?}: {error}");
                assert_eq!(error.path, if trap == "inner" { b"inner" } else { trap.as_bytes() });
            }
        }
        bed.assert_outside_is_empty();
    }
}

#[test]
fn means_a_symbolic_link_itself_in_the_last_component() {
    let bed = TargetBed::new();
    let victim = bed.directory.path().join("victim");
    fs::write(&victim, "untouched").unwrap();
    let before = fs::metadata(&victim).unwrap();
    symlink(&victim, bed.inside("link")).unwrap();

    assert_eq!(bed.tree.look_up(b"link").unwrap().unwrap().kind, EntryKind::Symlink);
    assert!(bed.tree.open_existing_for_compare(b"link").unwrap().is_none());
    let wanted = metadata(EntryKind::File, 0o777);
    assert!(bed.tree.apply_metadata(b"link", &wanted, &Vec::new(), &ApplyOptions::default()).is_err());
    bed.apply("link", &metadata(EntryKind::Symlink, 0o777));
    assert_eq!(fs::symlink_metadata(bed.inside("link")).unwrap().mtime(), 1_000_000_000);

    bed.write("link", b"new").unwrap();
    assert!(fs::symlink_metadata(bed.inside("link")).unwrap().is_file());
    let after = fs::metadata(&victim).unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"untouched");
    assert_eq!((before.mtime_nsec(), before.mode()), (after.mtime_nsec(), after.mode()));
    assert_eq!((before.ctime(), before.ctime_nsec()), (after.ctime(), after.ctime_nsec()));
}

/// Exchanges a directory and a symbolic link to the outside as fast as possible, while all operations are
/// tried.
#[test]
fn nothing_gets_outside_while_directories_are_swapped_for_links() {
    const ROUNDS: usize = 1_500;
    for handles_max in [0, 64] {
        let bed = TargetBed::with_handles(handles_max);
        fs::create_dir_all(bed.inside("a/real")).unwrap();
        fs::create_dir_all(bed.outside().join("keep")).unwrap();
        fs::write(bed.outside().join("keep/file"), "untouched").unwrap();
        symlink(bed.outside(), bed.inside("a/trap")).unwrap();
        let stop = AtomicBool::new(false);
        let succeeded = AtomicU64::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let parent = bed.inside("a");
                while !stop.load(Ordering::Relaxed) {
                    rustix::fs::renameat_with(
                        rustix::fs::CWD,
                        parent.join("real"),
                        rustix::fs::CWD,
                        parent.join("trap"),
                        rustix::fs::RenameFlags::EXCHANGE,
                    )
                    .unwrap();
                }
            });
            let workers: Vec<_> = (0..2)
                .map(|thread| {
                    scope.spawn({
                        let (bed, succeeded) = (&bed, &succeeded);
                        move || {
                            // Longer if necessary: rounds that never find the real directory would prove
                            // nothing.
                            for round in 0.. {
                                let so_far = succeeded
                                    .fetch_add(try_everything(bed, thread, round), Ordering::Relaxed);
                                if round >= ROUNDS && so_far > 0 {
                                    break;
                                }
                            }
                        }
                    })
                })
                .collect();
            for worker in workers {
                worker.join().unwrap();
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert!(succeeded.into_inner() > 0);
        let outside: Vec<_> =
            fs::read_dir(bed.outside()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(outside, ["keep"]);
        assert_eq!(fs::read(bed.outside().join("keep/file")).unwrap(), b"untouched");
        assert_ne!(fs::metadata(bed.outside()).unwrap().mtime(), 1_000_000_000);
    }
}

fn try_everything(bed: &TargetBed, thread: usize, round: usize) -> u64 {
    let tree = &bed.tree;
    let path = |what: &str| format!("a/real/{what}-{thread}-{}", round % 10).into_bytes();
    let wanted = metadata(EntryKind::Directory, 0o755);
    let options = ApplyOptions::default();
    let results = [
        bed.write(str::from_utf8(&path("file")).unwrap(), b"content").is_ok(),
        tree.create_directory(&path("directory")).is_ok(),
        tree.create_symlink(&path("link"), b"x").is_ok(),
        tree.create_hard_link(&path("file"), &path("hard")).is_ok(),
        tree.apply_metadata(b"a/real", &wanted, &Vec::new(), &options).is_ok(),
        tree.remove_tree(b"a/real/keep").is_ok_and(|removed| removed),
        round % 100 == 99 && tree.remove_tree(&path("directory")).is_ok(),
    ];
    assert!(!results[5]);
    results.iter().filter(|succeeded| **succeeded).count() as u64
}
