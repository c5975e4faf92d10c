use std::{fs, path::PathBuf};

use icecore_format::{ids::RepositoryId, keys::Secret, slot::Credential};
use zeroize::Zeroizing;

use super::{CredentialSource, GivenCredentials, load, strip_line_end};
use crate::{
    error::{AccessError, AccessResult},
    events::tests::Silence,
    key_file,
};

const REPOSITORY: RepositoryId = RepositoryId([1; 16]);

fn file(name: &str) -> CredentialSource {
    CredentialSource::PasswordFile(PathBuf::from(name))
}

fn load_quietly(source: &CredentialSource) -> AccessResult<Vec<u8>> {
    match load(source, REPOSITORY, &Silence)? {
        Credential::Password(bytes) => Ok(bytes.to_vec()),
        Credential::KeyFile(secret) | Credential::Kms { secret, .. } => Ok(secret.expose().to_vec()),
    }
}

#[test]
fn the_command_line_comes_before_the_environment_and_that_before_the_configuration() {
    let mut given = GivenCredentials::default();
    assert_eq!(given.choose().unwrap(), None);
    given.configuration.push(file("configuration"));
    assert_eq!(given.choose().unwrap(), Some(&file("configuration")));
    given.environment.push(CredentialSource::KeyFile("environment".into()));
    assert_eq!(given.choose().unwrap(), Some(&CredentialSource::KeyFile("environment".into())));
    given.command_line.push(file("line"));
    assert_eq!(given.choose().unwrap(), Some(&file("line")));
}

#[test]
fn two_ways_in_one_place_are_refused_but_a_flag_decides() {
    let mut given = GivenCredentials::default();
    given.environment.push(file("a"));
    given.environment.push(CredentialSource::Password(Zeroizing::new(b"secret".to_vec())));
    let failure = given.choose().unwrap_err();
    assert!(matches!(failure, AccessError::SeveralCredentials { .. }));
    assert_eq!(failure.to_string(), "both a password file and a password are given in the environment");
    given.command_line.push(file("b"));
    assert_eq!(given.choose().unwrap(), Some(&file("b")));
}

#[test]
fn one_line_end_is_removed_from_a_password() {
    let cases: [(&[u8], &[u8]); 6] =
        [(b"a\n", b"a"), (b"a\r\n", b"a"), (b"a\n\n", b"a\n"), (b"a", b"a"), (b" a ", b" a "), (b"\n", b"")];
    for (given, expected) in cases {
        let mut bytes = Zeroizing::new(given.to_vec());
        strip_line_end(&mut bytes);
        assert_eq!(bytes.as_slice(), expected);
    }
}

#[test]
fn passwords_come_from_files_commands_and_the_environment() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    fs::write(&path, "pass word\n").unwrap();
    assert_eq!(load_quietly(&CredentialSource::PasswordFile(path.clone())).unwrap(), b"pass word");
    fs::write(&path, "\n").unwrap();
    assert!(load_quietly(&CredentialSource::PasswordFile(path)).is_err());
    let command = |text: &str| load_quietly(&CredentialSource::PasswordCommand(text.into()));
    assert_eq!(command("printf 'a\\nb\\n'").unwrap(), b"a\nb");
    let given = CredentialSource::Password(Zeroizing::new(b"x\n".to_vec()));
    assert_eq!(load_quietly(&given).unwrap(), b"x\n");
}

#[test]
fn a_password_command_that_fails_is_an_error_that_does_not_show_it() {
    let failure =
        load_quietly(&CredentialSource::PasswordCommand("echo hunter2; exit 3".into())).unwrap_err();
    assert!(failure.to_string().contains("exit status: 3"), "{failure}");
    assert!(!format!("{failure:?}").contains("hunter2"));
    assert!(load_quietly(&CredentialSource::PasswordCommand("true".into())).is_err());
}

#[test]
fn a_key_file_of_another_repository_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.key");
    key_file::create(&path, REPOSITORY, &Secret::new([5; 32])).unwrap();
    assert_eq!(load_quietly(&CredentialSource::KeyFile(path)).unwrap(), [5; 32]);
    let path = directory.path().join("b.key");
    key_file::create(&path, RepositoryId([2; 16]), &Secret::new([5; 32])).unwrap();
    let failure = load_quietly(&CredentialSource::KeyFile(path)).unwrap_err();
    assert!(matches!(failure, AccessError::ForeignKeyFile { .. }));
    assert!(failure.to_string().contains("belongs to the repository 0202"));
}
