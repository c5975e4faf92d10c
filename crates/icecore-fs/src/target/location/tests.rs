use super::*;

#[test]
fn both_ways_to_the_number_of_a_mount_agree() {
    for path in ["/", "/proc", "/dev"] {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path, flags, Mode::empty()).unwrap();
        let by_statx = examine(&directory, c"", AtFlags::EMPTY_PATH).unwrap().mount.id;
        assert_eq!(mount_id_in_proc(&directory, c"", AtFlags::EMPTY_PATH), by_statx, "{path}");
        assert_eq!(mount_id_in_proc(&directory, c".", AtFlags::empty()), by_statx, "{path}");
    }
}

#[test]
fn what_lies_below_a_mount_point_is_foreign() {
    // Every Linux system has other file systems below `/`.
    let tree = TargetTree::open(std::path::Path::new("/")).unwrap();
    assert!(!tree.locate(b"").unwrap().unwrap().is_foreign);
    for path in [&b"proc"[..], b"proc/self", b"proc/version"] {
        assert!(tree.locate(path).unwrap().unwrap().is_foreign);
    }
    assert_eq!(tree.locate(b"no/such/path").unwrap(), None);
    // The root of the target may be a mount point itself.
    let tree = TargetTree::open(std::path::Path::new("/proc")).unwrap();
    for path in [&b""[..], b"version", b"sys"] {
        assert!(!tree.locate(path).unwrap().unwrap().is_foreign);
    }
}
