//! Advice about repositories that cannot be reached, unlocked or created.

use icecore_access::{AccessError, KeyFileElsewhere, UnusableEndpoint};
use icecore_aws::TrustError;
use icecore_store::StoreError;

use super::{Advice, Flag, INTERRUPTED, Variable, advice, kms, repository, store};

const CERTIFICATES: &str = "give a file with certificates in PEM format";
const PASSWORD_COMMAND: &str = "the command runs with `sh -c` and must print the password";

/// Returns what to do about an error of the access to a repository.
pub(in crate::failure) fn of(error: &AccessError) -> Option<Advice> {
    of_settings(error).or_else(|| of_unlocking(error)).or_else(|| of_creation(error)).or_else(
        || match error {
            AccessError::Store(error) => store::of(error),
            AccessError::Repository(error) => repository::of(error),
            AccessError::Catalog(_) => Some(repository::CATALOG.into()),
            AccessError::Probe(error) => store::of_probe(error),
            AccessError::Interrupted => Some(INTERRUPTED.into()),
            _ => None,
        },
    )
}

fn of_settings(error: &AccessError) -> Option<Advice> {
    Some(match error {
        AccessError::NoLocation => advice![
            "use ",
            Flag::Repository,
            " URL or ",
            Variable::Repository,
            ", or set it in the configuration file"
        ],
        AccessError::SingleWriterDirectory => {
            "leave out --single-writer: several hosts can write to a directory at the same time".into()
        }
        AccessError::NoServerUrl { .. } => {
            advice!["use ", Flag::EndpointUrl, " https://host or http://host:port"]
        }
        AccessError::UnusableEndpoint { kind, .. } => of_endpoint(*kind),
        AccessError::HarmfulRule { .. } => {
            "limit the rule to other keys: transitions may only match keys under data/, and no rule may delete objects"
                .into()
        }
        AccessError::CertificatesUnusable { source: TrustError::NoCertificate, is_pem: true, .. } => {
            "the file is in PEM format, but contains no certificate: give the CA certificate".into()
        }
        AccessError::CertificatesUnusable { source: TrustError::NoCertificate, path, .. } => {
            let path = path.display();
            format!("convert it to PEM format: openssl x509 -inform der -in {path} -out certificate.pem").into()
        }
        AccessError::CertificatesUnreadable { .. } | AccessError::CertificatesUnusable { .. } => {
            CERTIFICATES.into()
        }
        AccessError::MissingProfile { .. } => {
            "check its name: `aws configure list-profiles` lists the profiles".into()
        }
        _ => return None,
    })
}

/// Returns what to do about an address at which no repository can be used.
fn of_endpoint(kind: UnusableEndpoint) -> Advice {
    match kind {
        UnusableEndpoint::Express => "use a general purpose bucket".into(),
        UnusableEndpoint::MultiRegion => "name the bucket, or the access point of one region".into(),
        UnusableEndpoint::PrivateNetwork => {
            "begin the host with bucket., as in https://bucket.vpce-1a2b3c4d-5e6f.s3.eu-west-1.vpce.amazonaws.com".into()
        }
        UnusableEndpoint::AccessPoint => advice![
            "omit ",
            Flag::EndpointUrl,
            ", and name the access point in ",
            Flag::Repository,
            ": s3://arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME/prefix"
        ],
        UnusableEndpoint::NotForObjects | UnusableEndpoint::Bucket => advice![
            "use the address of the region, such as ",
            Flag::EndpointUrl,
            " https://s3.eu-west-1.amazonaws.com, or omit the option"
        ],
    }
}

fn of_unlocking(error: &AccessError) -> Option<Advice> {
    Some(match error {
        AccessError::SeveralCredentials { .. } => "give only one of them".into(),
        AccessError::KeyFileNotText { .. } => {
            "give the file that icecore wrote when it created the key".into()
        }
        AccessError::KeyFileMalformed { .. } => {
            "give the file that icecore wrote when it created the key, or compare it with your copy, digit by digit".into()
        }
        AccessError::ForeignKeyFile { .. } => "give the key file of this repository".into(),
        AccessError::PasswordCommand(_)
        | AccessError::PasswordCommandTooLong { .. }
        | AccessError::PasswordCommandFailed(_) => PASSWORD_COMMAND.into(),
        AccessError::GeneratedKeyRefused { source, .. } => return repository::of(source),
        AccessError::NoCredential { .. } => no_credential(),
        AccessError::NoKeyFile { elsewhere, .. } => no_key_file(elsewhere.as_deref()),
        AccessError::KmsUnlock(error) => kms::of_unlocking(error),
        AccessError::KmsNewKey(error) => return kms::of(error),
        AccessError::HeaderMissing { .. } => repository::HEADER.into(),
        _ => return None,
    })
}

fn no_credential() -> Advice {
    advice![
        "use ",
        Flag::KeyFile,
        ", ",
        Flag::PasswordFile,
        ", ",
        Flag::PasswordCommand,
        ", or ",
        Variable::KeyFile,
        ", ",
        Variable::PasswordFile,
        ", ",
        Variable::PasswordCommand,
        " or ",
        Variable::Password,
        "; on a terminal, icecore asks for the password"
    ]
}

fn no_key_file(elsewhere: Option<&KeyFileElsewhere>) -> Advice {
    match elsewhere {
        Some(KeyFileElsewhere { path, user, is_certain: true }) => {
            let path = path.display();
            advice![
                format!("the key file of {user} is {path}: add "),
                Flag::KeyFile,
                format!(" {path}, or run the command as {user}")
            ]
        }
        Some(KeyFileElsewhere { path, user, is_certain: false }) => advice![
            format!(
                "it may be {}, which this user cannot access: run the command as {user}, or give a copy with ",
                path.display()
            ),
            Flag::KeyFile
        ],
        None => advice![
            "give the key file with ",
            Flag::KeyFile,
            " or ",
            Variable::KeyFile,
            ", or copy it to the expected path; the command that created the repository printed the path of the file"
        ],
    }
}

fn of_creation(error: &AccessError) -> Option<Advice> {
    Some(match error {
        AccessError::DirectoryInUse { .. } => "choose an empty or new directory".into(),
        AccessError::InsideRepository { outer, .. } => advice![
            "choose a location outside it, such as a directory next to it, or use it: ",
            Flag::Repository,
            format!(" {outer}")
        ],
        AccessError::AroundRepository { .. } => "choose a location next to it".into(),
        AccessError::FileSystem { source, .. } => match source.as_ref() {
            StoreError::Unsupported { .. } | StoreError::Io { .. } => {
                "choose a directory on another file system, such as ext4, XFS, Btrfs, ZFS or NFS".into()
            }
            error => return store::of(error),
        },
        AccessError::LeftOfRepository { .. } => {
            "copy the object `icecore` back from a copy of the repository, or choose another location".into()
        }
        AccessError::NoHomeForKeyFile => {
            advice!["use ", Flag::KeyFile, " FILE (a new key file is created there), or a password"]
        }
        _ => return None,
    })
}
