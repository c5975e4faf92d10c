//! Advice about stores that fail.

use std::io;

use icecore_aws::ProbeError;
use icecore_format::layout::DATA_PREFIX;
use icecore_store::error::{MissingPermission, StoreError};

use super::{Advice, DAMAGE, Flag, INTERRUPTED, advice, connection, no_repository};

const CHECKSUMS: &str = "the server may not support the checksums of S3: set checksums = false under [s3] in the configuration file";

/// Returns what to do about an error of a store.
pub(in crate::failure) fn of(error: &StoreError) -> Option<Advice> {
    if let Some(advice) = of_remote(error) {
        return Some(advice);
    }
    let advice = match error {
        StoreError::Interrupted => INTERRUPTED,
        StoreError::Refused { reason, .. } | StoreError::Unsupported { reason, .. }
            if is_about_checksums(reason) =>
        {
            CHECKSUMS
        }
        StoreError::NoSuchDirectory { .. } => return Some(no_repository()),
        StoreError::NotFound { .. } => DAMAGE,
        StoreError::Io { source, .. } if source.kind() == io::ErrorKind::FileTooLarge => {
            "raise the limit of file sizes (`ulimit -f`), or use a smaller --pack-size"
        }
        StoreError::AccessDenied { .. } => "run as the owner of the directory, or as root",
        StoreError::NoSpace { .. } => {
            "free some space and run the same command again: it reuses the data that is already stored"
        }
        error if error.is_transient() => "run the same command again later",
        _ => return None,
    };
    Some(advice.into())
}

/// Returns whether a server refuses the headers of checksums.
fn is_about_checksums(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    ["checksum", "x-amz-sdk", "x-amz-trailer"].iter().any(|word| reason.contains(word))
}

/// Returns what to do about an error that only stores behind a network have.
fn of_remote(error: &StoreError) -> Option<Advice> {
    let advice = match error {
        StoreError::NotPermitted(missing) => of_permission(missing),
        StoreError::NoSuchBucket { .. } => advice![
            "check the name in ",
            Flag::Repository,
            ", or create the bucket first (`aws s3 mb`); icecore does not create buckets"
        ],
        StoreError::WrongRegion { region: Some(region), .. } => {
            advice!["give ", Flag::Region, format!(" {region}")]
        }
        StoreError::WrongRegion { region: None, .. } => {
            advice!["give the bucket's region with ", Flag::Region]
        }
        StoreError::NoCredentials { .. } => {
            "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run on a host with an instance \
             role or a container role; if the profile uses single sign-on, run `aws sso login`"
                .into()
        }
        StoreError::CredentialsRefused { expired: true, .. } => {
            "renew the credentials and run the same command again: it reuses the data that is already stored".into()
        }
        StoreError::CredentialsRefused { expired: false, .. } => {
            "check which credentials are used (environment, profile, role) and whether they belong to this server".into()
        }
        StoreError::Unreachable { endpoint, proxy, cause } => {
            connection::of(endpoint, proxy.as_deref(), cause, Flag::EndpointUrl.into())
        }
        StoreError::Redirected { target, .. } => {
            advice!["give ", Flag::EndpointUrl, format!(" {target}")]
        }
        StoreError::ForeignAnswer { .. } => advice![
            "check ",
            Flag::EndpointUrl,
            ": it must be the address of the S3 API, not of the web console; a proxy or the login page of a network may also \
             have answered"
        ],
        StoreError::IncompleteList { .. } => {
            "the list was not used; update the server, or use another one".into()
        }
        StoreError::ClockSkew { .. } => "correct the clock, for example with a time service such as chrony".into(),
        StoreError::Archived { key, .. } if !key.starts_with(DATA_PREFIX) => {
            "thaw it with `aws s3api restore-object`, then copy it to STANDARD: objects below meta/ must not be archived; \
             `icecore doctor` counts the archived objects below meta/, and shows the command for one"
                .into()
        }
        StoreError::Archived { .. } => {
            "thaw it with `aws s3api restore-object`, then run the same command again; `icecore restore` lists all packs \
             that it needs, with the commands"
                .into()
        }
        _ => return None,
    };
    Some(advice)
}

fn of_permission(missing: &MissingPermission) -> Advice {
    let MissingPermission { action, scope, reason, .. } = missing;
    if reason.contains("explicit deny") {
        return "a policy explicitly denies this, which overrides all other policies: change that policy, or use other \
                credentials"
            .into();
    }
    let unclear = if action == "s3:GetObject" {
        "; without s3:ListBucket on the bucket, S3 reports missing objects with the same error"
    } else {
        ""
    };
    format!(
        "add this statement to the policy of the user or role: {{\"Effect\": \"Allow\", \"Action\": \"{action}\", \
         \"Resource\": \"{scope}\"}}{unclear}"
    )
    .into()
}

/// Returns what to do about a server that cannot hold a repository.
pub(in crate::failure) fn of_probe(error: &ProbeError) -> Option<Advice> {
    let advice = match error {
        ProbeError::Store(error) => return of(error),
        ProbeError::WrongReads { .. } => {
            "use another server, or a newer version of this one: every command depends on correct reads"
        }
        _ => {
            "use another server; if only one backup, check or restore at a time will ever run, create the repository with \
             `icecore init --single-writer`"
        }
    };
    Some(advice.into())
}
