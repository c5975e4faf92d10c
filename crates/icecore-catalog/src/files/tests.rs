use super::*;

#[test]
fn the_refusal_says_why() {
    let error = CatalogError::NetworkFileSystem { path: "/mnt/efs/cache".into(), kind: "NFS" };
    let text = error.to_string();
    assert!(text.contains("/mnt/efs/cache") && text.contains("NFS"), "{text}");
}

#[test]
fn of_files_moved_aside_the_newest_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let files = CatalogFiles::prepare(directory.path(), crate::samples::REPOSITORY).unwrap();
    for content in ["a", "b", "c"] {
        fs::write(files.database(), content).unwrap();
        fs::write(files.directory.join("catalogue.sqlite-wal"), "log").unwrap();
        let aside = files.move_aside().unwrap();
        assert_eq!(fs::read_to_string(aside).unwrap(), content);
    }
    let names: Vec<_> =
        fs::read_dir(&files.directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["catalogue.sqlite.damaged-3"]);
}

#[test]
fn loose_directories_are_tightened() {
    let cache = tempfile::tempdir().unwrap();
    let files = CatalogFiles::prepare(cache.path(), crate::samples::REPOSITORY).unwrap();
    fs::set_permissions(&files.directory, Permissions::from_mode(0o755)).unwrap();
    let files = CatalogFiles::prepare(cache.path(), crate::samples::REPOSITORY).unwrap();
    assert_eq!(fs::metadata(&files.directory).unwrap().mode() & 0o777, 0o700);
}
