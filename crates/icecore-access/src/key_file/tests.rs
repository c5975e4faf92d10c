use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use icecore_format::{ids::RepositoryId, keys::Secret};

use super::{SECRET_FILE_BYTES_MAX, create, peek, read, read_secret_file, replace, retire};
use crate::{
    error::AccessError,
    events::tests::{Silence, with_causes},
    origin::SecretFileKind,
};

#[test]
fn a_key_file_comes_back_and_is_private() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/keys/a.key");
    let (repository, secret) = (RepositoryId([7; 16]), Secret::new([9; 32]));
    create(&path, repository, &secret).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    let found = read(&path, &Silence).unwrap();
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
        let failure = read(&path, &Silence).unwrap_err();
        assert!(matches!(failure, AccessError::KeyFileNotText { .. } | AccessError::KeyFileMalformed { .. }));
        assert!(with_causes(&failure).contains("is not a valid key file: "), "{failure}");
    }
    fs::write(&path, vec![b'x'; SECRET_FILE_BYTES_MAX as usize + 1]).unwrap();
    assert!(read_secret_file(&path, SecretFileKind::Password, &Silence).is_err());
    assert!(read_secret_file(&directory.path().join("none"), SecretFileKind::Password, &Silence).is_err());
}

#[test]
fn a_new_key_file_takes_the_place_of_the_old_one_which_stays_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.key");
    let repository = RepositoryId([7; 16]);
    create(&path, repository, &Secret::new([1; 32])).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let secret = |path: &Path| *peek(path).unwrap().secret.expose();
    let mut kept = Vec::new();
    for byte in 2..5 {
        kept.push(replace(&path, repository, &Secret::new([byte; 32]), "2026-11-30").unwrap());
        assert_eq!(secret(&path), [byte; 32]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }
    let names: Vec<_> = kept.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["a.key.old-2026-11-30", "a.key.old-2026-11-30-2", "a.key.old-2026-11-30-3"]);
    for (path, byte) in kept.iter().zip(1..) {
        assert_eq!(secret(path), [byte; 32]);
    }
    let last = retire(&path, "2026-12-01").unwrap();
    assert!(!path.exists() && secret(&last) == [4; 32]);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4, "nothing else is left");
}

#[test]
fn the_target_of_a_link_is_not_changed() {
    let directory = tempfile::tempdir().unwrap();
    let (target, path) = (directory.path().join("elsewhere.key"), directory.path().join("a.key"));
    create(&target, RepositoryId([7; 16]), &Secret::new([1; 32])).unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    replace(&path, RepositoryId([7; 16]), &Secret::new([2; 32]), "2026-11-30").unwrap();
    assert_eq!(peek(&path).unwrap().secret.expose(), &[2; 32]);
    assert_eq!(peek(&target).unwrap().secret.expose(), &[1; 32]);
}
