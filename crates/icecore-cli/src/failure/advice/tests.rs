use icecore_access::{AccessError, KeyFileElsewhere, TrustOrigin, UnusableEndpoint};
use icecore_aws::TrustError;
use icecore_format::ids::RepositoryId;
use icecore_operations::backup::BackupFault;
use icecore_repo::error::RepoError;

use super::{access, backup, repository, *};

#[test]
fn options_are_those_of_the_repository_that_the_advice_is_about() {
    let error = RepoError::NoRepository { location: "/backup".to_owned() };
    let advice = repository::of(&error).unwrap();
    assert_eq!(
        advice.text(Side::Own),
        "check --repository, or create a new repository there with `icecore init` or `icecore backup --init`"
    );
    assert_eq!(advice.text(Side::Destination), "check --to, or add --init");
    let advice = access::of(&AccessError::NoCredential { looked: None }).unwrap();
    assert_eq!(
        advice.text(Side::Destination),
        "use --to-key-file, --to-password-file, --to-password-command, or ICECORE_TO_KEY_FILE, \
         ICECORE_TO_PASSWORD_FILE, ICECORE_TO_PASSWORD_COMMAND or ICECORE_TO_PASSWORD; on a terminal, icecore asks \
         for the password"
    );
}

#[test]
fn a_name_that_is_another_directory_so_far_comes_with_commands() {
    let fault = BackupFault::OtherRoot {
        name: "home".to_owned(),
        last: b"/srv/home".to_vec(),
        root: b"/mnt/my home".to_vec(),
    };
    assert_eq!(
        String::from(backup::of(&fault).unwrap()),
        "give it a name of its own: `icecore backup '/mnt/my home' --name OTHER`; if the directory was only moved, \
         continue under the same name: `icecore backup '/mnt/my home' --name home`"
    );
}

#[test]
fn what_the_user_has_named_is_never_taken_for_an_option() {
    let path = || "/tmp/--key-file/ICECORE_KEY".into();
    let elsewhere = KeyFileElsewhere { path: path(), user: "root".to_owned(), is_certain: true };
    let error = AccessError::NoKeyFile {
        repository: RepositoryId([0; 16]),
        location: "/backup".to_owned(),
        looked: None,
        elsewhere: Some(Box::new(elsewhere)),
    };
    assert_eq!(
        access::of(&error).unwrap().text(Side::Destination),
        "the key file of root is /tmp/--key-file/ICECORE_KEY: add --to-key-file /tmp/--key-file/ICECORE_KEY, or run the \
         command as root"
    );
}

#[test]
fn addresses_of_amazon_that_take_no_repository_come_with_what_to_write() {
    for (kind, hint) in [
        (UnusableEndpoint::Bucket, "https://s3.eu-west-1"),
        (UnusableEndpoint::PrivateNetwork, "https://bucket.vpce-"),
        (UnusableEndpoint::NotForObjects, "address of the region"),
        (UnusableEndpoint::AccessPoint, "s3://arn:aws"),
        (UnusableEndpoint::MultiRegion, "one region"),
        (UnusableEndpoint::Express, "general purpose"),
    ] {
        let error = AccessError::UnusableEndpoint { url: "https://host".to_owned(), kind };
        let found = access::of(&error).unwrap().text(Side::Own);
        assert!(found.contains(hint), "{found}");
    }
}

#[test]
fn a_file_without_certificates_comes_with_what_is_wrong_with_it() {
    let hint = |is_pem| {
        let (path, source) = ("/authority.der".into(), TrustError::NoCertificate);
        let origin = TrustOrigin::Settings;
        let error = AccessError::CertificatesUnusable { path, origin, is_pem, source };
        access::of(&error).unwrap().text(Side::Own)
    };
    assert!(hint(false).contains("openssl x509 -inform der -in /authority.der"));
    assert!(hint(true).contains("contains no certificate"));
}
