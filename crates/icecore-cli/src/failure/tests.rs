use std::io;

use icecore_access::{AccessError, CredentialOrigin, UnusableEndpoint};
use icecore_backup::error::BackupError;
use icecore_format::{error::FormatError, ids::RepositoryId};
use icecore_fs::error::FsError;
use icecore_repo::error::RepoError;
use icecore_store::error::{ConnectionCause, StoreError};

use super::{Failure, reason};
use crate::failure::exit_status::ExitStatus;

fn object(source: FormatError) -> RepoError {
    RepoError::Object { key: "meta/packs/x".to_owned(), source }
}

#[test]
fn errors_of_the_repository_have_their_codes() {
    let place = || "/backup".to_owned();
    let newer = FormatError::UnsupportedVersion { what: "repository header", found: 2, supported: 1 };
    let cases = [
        (RepoError::NoRepository { location: place() }, ExitStatus::NoRepository),
        (RepoError::Store(StoreError::NoSuchDirectory { location: place() }), ExitStatus::NoRepository),
        (RepoError::RepositoryExists { location: place() }, ExitStatus::Failed),
        (RepoError::WrongKey { location: place(), slots: 1 }, ExitStatus::WrongKey),
        (RepoError::NoKeySlot { location: place(), reason: "there is none".to_owned() }, ExitStatus::Damage),
        (object(FormatError::WrongContent), ExitStatus::Damage),
        (object(newer), ExitStatus::Failed),
        (RepoError::Store(StoreError::NotFound { key: "data/x".to_owned() }), ExitStatus::Damage),
        (RepoError::Interrupted, ExitStatus::Interrupted),
        (RepoError::LastSlot, ExitStatus::Failed),
    ];
    for (error, status) in cases {
        let text = format!("{error:?}");
        assert_eq!(Failure::from(error).status, status, "{text}");
    }
}

#[test]
fn a_newer_repository_asks_for_a_newer_program() {
    let failure = Failure::from(object(FormatError::UnsupportedFeature { unknown: 1 }));
    assert!(failure.hint.map(String::from).is_some_and(|hint| hint.contains("newest version")));
}

#[test]
fn each_cause_is_said_once_and_without_its_number() {
    let error = FsError::new("open the directory", "a\nb", io::Error::from_raw_os_error(13));
    assert_eq!(reason(&error), "open the directory \"a\\nb\": Permission denied");
    assert_eq!(
        reason(&object(FormatError::WrongContent)),
        "object meta/packs/x: the content of a chunk does not match its id"
    );
}

#[test]
fn a_backup_passes_on_the_code_of_its_cause() {
    let error = BackupError::Repository(RepoError::WrongKey { location: "/x".to_owned(), slots: 0 });
    assert_eq!(Failure::of_backup(&error).status, ExitStatus::WrongKey);
    let error = BackupError::Command { reason: "exit status 3".to_owned() };
    assert_eq!(Failure::of_backup(&error).status, ExitStatus::Failed);
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let failure = Failure::output(&io::Error::from(io::ErrorKind::BrokenPipe));
    assert!(failure.output_closed && failure.status == ExitStatus::Done);
    assert_eq!(Failure::output(&io::Error::from(io::ErrorKind::StorageFull)).status, ExitStatus::Failed);
}

#[test]
fn a_server_that_is_none_of_s3_is_no_damage() {
    let endpoint = || "https://host".to_owned();
    let errors = [
        (
            StoreError::ForeignAnswer {
                endpoint: endpoint(),
                reason: "HTTP status 404 with a web page".to_owned(),
            },
            "--endpoint-url",
        ),
        (
            StoreError::Unreachable { endpoint: endpoint(), proxy: None, cause: ConnectionCause::Refused },
            "--endpoint-url",
        ),
        (
            StoreError::Redirected { endpoint: "http://host".to_owned(), target: endpoint() },
            "--endpoint-url https://host",
        ),
        (
            StoreError::Unreachable { endpoint: endpoint(), proxy: None, cause: ConnectionCause::NoTls },
            "http://",
        ),
        (
            StoreError::Unreachable {
                endpoint: endpoint(),
                proxy: None,
                cause: ConnectionCause::UntrustedCertificate,
            },
            "--ca-file",
        ),
        (
            StoreError::Unreachable {
                endpoint: endpoint(),
                proxy: None,
                cause: ConnectionCause::EarlyCertificate,
            },
            "clock",
        ),
        (
            StoreError::Refused {
                operation: "put",
                key: "a".to_owned(),
                reason: "Unsupported header 'x-amz-checksum-crc64nvme'".to_owned(),
            },
            "checksums = false",
        ),
        (
            StoreError::Io {
                operation: "put",
                key: "a".to_owned(),
                source: io::ErrorKind::FileTooLarge.into(),
            },
            "ulimit -f",
        ),
    ];
    for (error, hint) in errors {
        let failure = Failure::from_store(&error);
        assert_eq!(failure.status, ExitStatus::Failed, "{failure:?}");
        let told = String::from(failure.hint.unwrap());
        assert!(told.contains(hint) && !told.contains("later"), "{error}: {told}");
    }
}

#[test]
fn errors_on_the_way_to_a_repository_have_their_codes() {
    let path = || "/a.key".into();
    let cases = [
        (AccessError::NoLocation, ExitStatus::NoRepository),
        (AccessError::NoServerUrl { url: "s3.example.org".to_owned() }, ExitStatus::Usage),
        (
            AccessError::UnusableEndpoint { url: "https://a".to_owned(), kind: UnusableEndpoint::Bucket },
            ExitStatus::Usage,
        ),
        (
            AccessError::SeveralCredentials { names: Vec::new(), origin: CredentialOrigin::Environment },
            ExitStatus::Usage,
        ),
        (AccessError::KeyFileNotText { path: path() }, ExitStatus::WrongKey),
        (
            AccessError::KeyFileMalformed { path: path(), fault: FormatError::WrongContent },
            ExitStatus::WrongKey,
        ),
        (
            AccessError::ForeignKeyFile {
                path: path(),
                found: RepositoryId([1; 16]),
                repository: RepositoryId([2; 16]),
            },
            ExitStatus::WrongKey,
        ),
        (AccessError::PasswordEmpty, ExitStatus::Failed),
        (AccessError::HeaderMissing { location: "/b".to_owned(), objects: "packs" }, ExitStatus::Damage),
        (AccessError::Interrupted, ExitStatus::Interrupted),
    ];
    for (error, status) in cases {
        let text = format!("{error:?}");
        assert_eq!(Failure::from(error).status, status, "{text}");
    }
}

#[test]
fn an_unfit_file_system_is_named_with_its_reason() {
    let source =
        StoreError::Io { operation: "put", key: "a".to_owned(), source: io::Error::from_raw_os_error(95) };
    let failure = Failure::from(AccessError::FileSystem { path: "/mnt".into(), source: source.into() });
    assert!(failure.message.starts_with("cannot create a repository in /mnt: failed to "), "{failure:?}");
    assert!(!failure.message.contains("os error"), "{failure:?}");
    assert!(String::from(failure.hint.unwrap()).contains("another file system"));
}
