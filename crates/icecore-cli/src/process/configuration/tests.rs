use std::{fs, path::PathBuf};

use icecore_access::{CredentialSource, Directories};

use super::{credential, read};
use crate::failure::exit_status::ExitStatus;

#[test]
fn the_users_file_is_read_if_there_is_one() {
    let directory = tempfile::tempdir().unwrap();
    let directories =
        Directories { configuration: Some(directory.path().to_owned()), ..Directories::default() };
    fs::write(directory.path().join("icecore.toml"), "repository = \"/srv/b\"\nkey-file = \"/k\"\n").unwrap();
    let configuration = read(None, &directories).unwrap();
    // A system-wide file would come first; test machines have none.
    assert_eq!(configuration.repository.as_deref(), Some("/srv/b"));
    assert_eq!(credential(&configuration), Some(CredentialSource::KeyFile(PathBuf::from("/k"))));
}

#[test]
fn a_named_file_must_exist_and_be_right() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.toml");
    let failure = read(Some(&path), &Directories::default()).unwrap_err();
    assert_eq!(failure.status, ExitStatus::Usage);
    for content in [&b"repository = 5"[..], b"unknown = 1", b"\xff", b"[backup"] {
        fs::write(&path, content).unwrap();
        let failure = read(Some(&path), &Directories::default()).unwrap_err();
        assert_eq!(failure.status, ExitStatus::Usage);
        assert!(failure.message.contains("own.toml is invalid: "), "{}", failure.message);
    }
    fs::write(&path, "[sources.web server]\npath = \"/home\"\n").unwrap();
    let hint = read(Some(&path), &Directories::default()).unwrap_err().hint.unwrap();
    assert!(String::from(hint).contains("[sources.\"web server\"]"));
}
