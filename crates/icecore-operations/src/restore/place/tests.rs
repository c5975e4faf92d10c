use std::path::Path;

use super::system_directory;

#[test]
fn directories_of_the_system_are_known_by_every_name() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("link");
    std::os::unix::fs::symlink("/etc", &link).unwrap();
    for (path, expected) in [("/", Some("/")), ("/etc/", Some("/etc")), ("/usr/../etc", Some("/etc"))] {
        assert_eq!(system_directory(Path::new(path)), expected, "{path}");
    }
    assert_eq!(system_directory(&link), Some("/etc"));
    assert_eq!(system_directory(directory.path()), None);
    assert_eq!(system_directory(&directory.path().join("new")), None);
}
