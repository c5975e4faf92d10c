use std::{fs, os::unix::fs::PermissionsExt};

use icecore_format::{ids::RepositoryId, keys::Secret};

use super::{SECRET_FILE_BYTES_MAX, create, read, read_secret_file};
use crate::{
    console::{Console, Verbosity},
    exit_status::ExitStatus,
};

fn console() -> Console {
    Console::new(false, Verbosity::Quiet)
}

#[test]
fn a_key_file_comes_back_and_is_private() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/keys/a.key");
    let (repository, secret) = (RepositoryId([7; 16]), Secret::new([9; 32]));
    create(&path, repository, &secret).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    let found = read(&path, &console()).unwrap();
    assert_eq!((found.repository, found.secret.expose()), (Some(repository), secret.expose()));
}

#[test]
fn an_existing_file_is_never_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.key");
    fs::write(&path, "precious").unwrap();
    assert!(create(&path, RepositoryId([0; 16]), &Secret::new([0; 32])).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

#[test]
fn what_is_no_key_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.key");
    for content in [&b"hello"[..], b"", b"secret 12", b"\xff\xfe"] {
        fs::write(&path, content).unwrap();
        let failure = read(&path, &console()).unwrap_err();
        assert_eq!(failure.status, ExitStatus::WrongKey);
        assert!(failure.message.contains("is no key file"), "{}", failure.message);
    }
    fs::write(&path, vec![b'x'; SECRET_FILE_BYTES_MAX as usize + 1]).unwrap();
    assert!(read_secret_file(&path, "password file", &console()).is_err());
    assert!(read_secret_file(&directory.path().join("none"), "password file", &console()).is_err());
}
