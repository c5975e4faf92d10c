use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use icecore_format::ids::RepositoryId;

use super::{Directories, home_in_passwd};

#[test]
fn directories_are_those_of_the_specification() {
    let some = |text: &str| Some(OsString::from(text));
    let home = Some(Path::new("/home/alice"));
    let defaults = Directories::from_values([None, None, None], home);
    assert_eq!(defaults.configuration.as_deref(), Some(Path::new("/home/alice/.config/icecore")));
    assert_eq!(defaults.cache.as_deref(), Some(Path::new("/home/alice/.cache/icecore")));
    assert_eq!(defaults.state.as_deref(), Some(Path::new("/home/alice/.local/state/icecore")));
    let set = Directories::from_values([some("/c"), some("relative"), some("/s")], home);
    assert_eq!(set.configuration.as_deref(), Some(Path::new("/c/icecore")));
    assert_eq!(set.cache.as_deref(), Some(Path::new("/home/alice/.cache/icecore")));
    assert_eq!(set.state.as_deref(), Some(Path::new("/s/icecore")));
    assert_eq!(Directories::from_values([None, None, None], None), Directories::default());
}

#[test]
fn key_files_are_named_by_the_repository() {
    let directories =
        Directories { configuration: Some(PathBuf::from("/c/icecore")), ..Directories::default() };
    let path = directories.generated_key_file(RepositoryId([0xab; 16])).unwrap();
    assert_eq!(path, Path::new("/c/icecore/keys").join(format!("{}.key", "ab".repeat(16))));
    assert_eq!(Directories::default().generated_key_file(RepositoryId([0; 16])), None);
}

#[test]
fn a_service_without_home_has_the_one_of_its_user() {
    let passwd = b"root:x:0:0:root:/root:/bin/sh\n# comment\nalice:x:1000:1000::/home/alice:/bin/sh\nbad:x:7:7::relative:\n";
    assert_eq!(home_in_passwd(passwd, 0), Some(PathBuf::from("/root")));
    assert_eq!(home_in_passwd(passwd, 1000), Some(PathBuf::from("/home/alice")));
    assert_eq!(home_in_passwd(passwd, 7), None);
    assert_eq!(home_in_passwd(passwd, 8), None);
}
