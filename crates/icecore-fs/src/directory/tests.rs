use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

fn root_of(path: &std::path::Path, open_max: usize) -> Arc<Directory> {
    let (descriptor, stat) = open_root(path).unwrap();
    Directory::root(path.to_path_buf(), descriptor, &stat, DescriptorPool::new(open_max))
}

/// A chain of directories `d/d/d/…`, and their `Directory` values.
fn chain(depth: usize, open_max: usize) -> (TempDir, Vec<Arc<Directory>>) {
    let root = tempfile::tempdir().unwrap();
    let path: PathBuf = std::iter::repeat_n("d", depth).collect();
    fs::create_dir_all(root.path().join(path)).unwrap();
    let mut directories = vec![root_of(root.path(), open_max)];
    for _ in 0..depth {
        directories.push(directories.last().unwrap().child(b"d"));
    }
    (root, directories)
}

fn is_open(directory: &Arc<Directory>) -> bool {
    directory.lock().descriptor.is_some()
}

#[test]
fn paths_are_put_together_from_names() {
    let root = tempfile::tempdir().unwrap();
    let root = root_of(root.path(), 4);
    assert_eq!(root.path(), b"");
    let child = root.child(b"a").child(b"\xff\n").child(b"c");
    assert_eq!(child.path(), b"a/\xff\n/c");
}

#[test]
fn open_descriptors_are_bounded_and_opened_again() {
    let (_root, directories) = chain(50, 4);
    let mut inodes = Vec::new();
    for directory in &directories {
        inodes.push(stat_descriptor(directory.descriptor().unwrap()).unwrap().identity());
        assert!(directories[1..].iter().filter(|directory| is_open(directory)).count() <= 4);
    }
    for (directory, identity) in directories.iter().zip(inodes).rev() {
        assert_eq!(stat_descriptor(directory.descriptor().unwrap()).unwrap().identity(), identity);
        assert!(directories[1..].iter().filter(|directory| is_open(directory)).count() <= 4);
    }
    assert!(is_open(&directories[0]));
}

#[test]
fn running_out_of_descriptors_closes_half() {
    let (_root, directories) = chain(20, 100);
    directories[20].descriptor().unwrap();
    assert!(directories.iter().all(is_open));
    directories[0].relieve_descriptors();
    assert_eq!(directories[1..].iter().filter(|directory| is_open(directory)).count(), 10);
    assert!(directories[20].descriptor().is_ok());
}

#[test]
fn a_directory_that_was_replaced_is_not_opened_again() {
    let (root, directories) = chain(2, 100);
    let first = directories[2].descriptor().unwrap();
    assert!(directories[2].close_unless_used() || directories[2].close_unless_used());
    fs::rename(root.path().join("d/d"), root.path().join("d/old")).unwrap();
    fs::create_dir(root.path().join("d/d")).unwrap();
    let error = directories[2].descriptor().unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::STALE.raw_os_error()));
    drop(first);
}

#[test]
fn links_and_files_are_not_opened() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("file"), "").unwrap();
    fs::create_dir(root.path().join("directory")).unwrap();
    symlink("directory", root.path().join("link")).unwrap();
    let directory = root_of(root.path(), 4);
    assert!(directory.child(b"directory").descriptor().is_ok());
    for name in ["file", "link"] {
        let error = directory.child(name.as_bytes()).descriptor().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory, "{name}");
    }
    let error = directory.child(b"missing").descriptor().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_very_long_chain_is_released_without_recursion() {
    let root = tempfile::tempdir().unwrap();
    let mut directory = root_of(root.path(), 4);
    for _ in 0..1_000_000 {
        directory = directory.child(b"d");
    }
    drop(directory);
}

#[test]
fn pool_forgets_directories_that_are_gone() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("d")).unwrap();
    let directory = root_of(root.path(), 3);
    for _ in 0..100 {
        assert!(directory.child(b"d").descriptor().is_ok());
    }
}

#[test]
fn what_was_moved_or_removed_is_named_by_its_topmost_directory() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("a/b/c")).unwrap();
    let top = root_of(root.path(), 8);
    let a = top.child(b"a");
    let b = a.child(b"b");
    let c = b.child(b"c");
    assert!(c.descriptor().is_ok());
    assert_eq!(c.gone_ancestor(), None);
    fs::rename(root.path().join("a/b"), root.path().join("a/moved")).unwrap();
    assert_eq!(c.gone_ancestor(), None, "it is still in its directory");
    assert_eq!(b.gone_ancestor(), Some(b"a/b".to_vec()));
    // Another directory of the same name is not the one that was opened.
    fs::create_dir(root.path().join("a/b")).unwrap();
    assert_eq!(b.gone_ancestor(), Some(b"a/b".to_vec()));
    fs::remove_dir_all(root.path().join("a")).unwrap();
    assert_eq!(c.gone_ancestor(), Some(b"a".to_vec()));
    let elsewhere = tempfile::tempdir().unwrap();
    fs::rename(root.path(), elsewhere.path().join("root")).unwrap();
    assert_eq!(top.gone_ancestor(), Some(Vec::new()));
    fs::create_dir(root.path()).unwrap();
    assert_eq!(top.gone_ancestor(), Some(Vec::new()));
}
