//! Why a command failed, what its user can do about it, and with which code it ends.

use std::{error::Error, io, path::Path};

use icecore_aws::ProbeError;
use icecore_backup::error::BackupError;
use icecore_catalog::CatalogError;
use icecore_check::CheckError;
use icecore_copy::CopyError;
use icecore_format::{
    error::FormatError,
    layout::{DATA_PREFIX, HEADER_KEY},
};
use icecore_fs::{error::FsError, excludes::ExcludeError};
use icecore_repo::error::RepoError;
use icecore_restore::{IncludeError, RestoreError};
use icecore_store::{
    error::{MissingPermission, StoreError},
    location::LocationError,
};
use serde::Serialize;

use crate::failure::exit_status::ExitStatus;
use icecore_operations::{reference::ResolveError, text};

pub(crate) mod exit_status;
pub(crate) mod network_hint;

/// Result of a step of a command.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// What is told to the user when a command, or a part of it, fails. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What failed, on what, and why.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) hint: Option<String>,
    /// How the command ends.
    pub(crate) status: ExitStatus,
    /// Whoever read standard output has gone away: nothing is to be said.
    pub(crate) output_closed: bool,
}

/// A failure as it stands in JSON documents that go on after it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ErrorDocument {
    message: String,
    hint: Option<String>,
    code: u8,
}

impl ErrorDocument {
    /// Makes the document of a failure.
    pub(crate) fn of(failure: &Failure) -> Self {
        let Failure { message, hint, status, .. } = failure.clone();
        Self { message, hint, code: status.code() }
    }
}

impl Failure {
    /// Makes a failure from its message.
    pub(crate) fn new(status: ExitStatus, message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, status, output_closed: false }
    }

    /// Makes the failure of a wrong command line.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitStatus::Usage, message)
    }

    /// Makes the failure of an operation of the operating system on a path.
    pub(crate) fn io(operation: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(ExitStatus::Failed, format!("failed to {operation} {}: {}", path.display(), reason(error)))
    }

    /// Makes the failure of writing to standard output.
    pub(crate) fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { output_closed: true, ..Self::new(ExitStatus::Done, "standard output was closed") };
        }
        Self::new(ExitStatus::Failed, format!("failed to write to standard output: {}", reason(error)))
    }

    /// Makes the failure of a command that was asked to stop.
    pub(crate) fn interrupted() -> Self {
        Self::new(ExitStatus::Interrupted, "interrupted").hint("nothing is lost; run the same command again")
    }

    /// Adds what to do next, in place of an earlier hint.
    #[must_use]
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Puts what was being done in front of the message.
    #[must_use]
    pub(crate) fn context(self, context: impl AsRef<str>) -> Self {
        Self { message: format!("{}: {}", context.as_ref(), self.message), ..self }
    }
}

/// Returns the text of an error with those of its causes, each once.
pub(crate) fn reason(error: &dyn Error) -> String {
    let mut text = without_number(&error.to_string()).to_owned();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        let cause_text = without_number(&cause_text);
        if !text.contains(cause_text) {
            text.push_str(": ");
            text.push_str(cause_text);
        }
        source = cause.source();
    }
    text
}

/// Returns the text of an error that is a text already.
pub(crate) fn plain(text: &str) -> &str {
    without_number(text)
}

/// Returns a text without the number of the system error that the standard library puts at its end.
fn without_number(text: &str) -> &str {
    let Some((front, number)) = text.rsplit_once(" (os error ") else { return text };
    let digits = number.strip_suffix(')').unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) { front } else { text }
}

impl From<RepoError> for Failure {
    fn from(error: RepoError) -> Self {
        let message = reason(&error);
        let (status, hint) = match &error {
            RepoError::Store(error) => return Self::from_store(error),
            RepoError::Object { key, source } if key == HEADER_KEY && source.is_corruption() => {
                (ExitStatus::Damage, Some(HEADER_HINT))
            }
            RepoError::Object { source, .. } | RepoError::Format(source) => {
                (format_status(source), format_hint(source))
            }
            RepoError::NoRepository { .. } => (ExitStatus::NoRepository, Some(NO_REPOSITORY_HINT)),
            RepoError::RepositoryExists { .. } => {
                (ExitStatus::Failed, Some("it is ready for use; choose another place for a new one"))
            }
            RepoError::WrongKey { .. } => (ExitStatus::WrongKey, Some(WRONG_KEY_HINT)),
            RepoError::NoKeySlot { .. } => (ExitStatus::Damage, Some(NO_SLOT_HINT)),
            RepoError::SlotNotFound { .. } => (ExitStatus::Failed, Some("`icecore key list` shows the ids")),
            RepoError::SlotLeft { .. } => {
                (ExitStatus::Failed, Some("remove it, with the new key: `icecore key remove ID`"))
            }
            RepoError::LastSlot => (ExitStatus::Failed, Some("add another one first: `icecore key add`")),
            RepoError::SelfVerification { .. } => {
                (ExitStatus::Failed, Some("test this machine's memory before you go on"))
            }
            RepoError::Fenced => (ExitStatus::Failed, Some("run the same command again")),
            RepoError::NewerMaintenance => (ExitStatus::Failed, Some(NEWER_HINT)),
            RepoError::Interrupted => return Self::interrupted(),
            error if error.is_corruption() => (ExitStatus::Damage, Some(DAMAGE_HINT)),
            _ => (ExitStatus::Failed, None),
        };
        Self { message, hint: hint.map(str::to_owned), status, output_closed: false }
    }
}

pub(crate) const HEADER_HINT: &str = "wait for it if objects are still being replicated, else copy the object `icecore` back from a copy of the \
     repository; what is stored is not lost with it";
const ACCESS_HINT: &str = "run as the owner of the directory, or as root";
const NO_REPOSITORY_HINT: &str =
    "check --repository, or make a new repository there with `icecore init` or `icecore backup --init`";
const WRONG_KEY_HINT: &str = "give the right key with --key-file, --password-file or --password-command";
const NO_SLOT_HINT: &str = "wait for them if objects are still being replicated, else copy meta/keys/ back from a copy of the repository if there is one; without a key slot nothing can be read";
const NEWER_HINT: &str = "use the newest version of icecore";
const DAMAGE_HINT: &str =
    "`icecore check --read-data` shows what is damaged, and which snapshots are not affected";

fn format_status(error: &FormatError) -> ExitStatus {
    match error {
        FormatError::WrongKey => ExitStatus::WrongKey,
        error if error.is_corruption() => ExitStatus::Damage,
        _ => ExitStatus::Failed,
    }
}

fn format_hint(error: &FormatError) -> Option<&'static str> {
    match error {
        FormatError::UnsupportedVersion { .. } | FormatError::UnsupportedFeature { .. } => Some(NEWER_HINT),
        FormatError::WrongKey => Some(WRONG_KEY_HINT),
        FormatError::KeyDerivation { .. } => Some("free some memory, or unlock with a key file"),
        error if error.is_corruption() => Some(DAMAGE_HINT),
        _ => None,
    }
}

impl Failure {
    /// Makes the failure of a store call.
    pub(crate) fn from_store(error: &StoreError) -> Self {
        if matches!(error, StoreError::Interrupted) {
            return Self::interrupted();
        }
        let message = reason(error);
        if let Some(hint) = remote_hint(error) {
            let status = match error {
                StoreError::NoSuchBucket { .. } => ExitStatus::NoRepository,
                StoreError::Archived { .. } => ExitStatus::Archived,
                _ => ExitStatus::Failed,
            };
            return Self::new(status, message).hint(hint);
        }
        let (status, hint) = match error {
            StoreError::Refused { reason, .. } | StoreError::Unsupported { reason, .. }
                if is_about_checksums(reason) =>
            {
                (ExitStatus::Failed, Some(CHECKSUMS_HINT))
            }
            StoreError::NoSuchDirectory { .. } => (ExitStatus::NoRepository, Some(NO_REPOSITORY_HINT)),
            StoreError::NotFound { .. } => (ExitStatus::Damage, Some(DAMAGE_HINT)),
            StoreError::Io { source, .. } if source.kind() == io::ErrorKind::FileTooLarge => (
                ExitStatus::Failed,
                Some("raise the limit of file sizes (`ulimit -f`), or give a smaller --pack-size"),
            ),
            StoreError::AccessDenied { .. } => (ExitStatus::Failed, Some(ACCESS_HINT)),
            StoreError::NoSpace { .. } => (
                ExitStatus::Failed,
                Some("make room and run again: what was stored so far is used, nothing is lost"),
            ),
            error if error.is_transient() => (ExitStatus::Failed, Some("run the same command again later")),
            _ => (ExitStatus::Failed, None),
        };
        let message = match error {
            StoreError::Io { .. } => format!("failed to {message}"),
            _ => message,
        };
        Self { message, hint: hint.map(str::to_owned), status, output_closed: false }
    }
}

const CHECKSUMS_HINT: &str = "the server may not know the checksums of S3: write checksums = false below [s3] in the configuration file";

/// Says whether a server refuses the headers of checksums.
fn is_about_checksums(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    ["checksum", "x-amz-sdk", "x-amz-trailer"].iter().any(|word| reason.contains(word))
}

/// Returns what to do about an error that only stores have that are reached over a network.
fn remote_hint(error: &StoreError) -> Option<String> {
    let hint = match error {
        StoreError::NotPermitted(missing) if missing.reason.contains("explicit deny") => {
            "a policy denies this, and no other policy can allow it: use credentials to which the denial does not apply, or \
             change the policy"
                .to_owned()
        }
        StoreError::NotPermitted(missing) => {
            let MissingPermission { action, scope, .. } = missing.as_ref();
            let unclear = if action == "s3:GetObject" {
                "; without s3:ListBucket on the bucket, S3 says the same of objects that do not exist"
            } else {
                ""
            };
            format!(
                "this statement in the policy of the user or role allows it: {{\"Effect\": \"Allow\", \"Action\": \"{action}\", \
                 \"Resource\": \"{scope}\"}}{unclear}"
            )
        }
        StoreError::NoSuchBucket { .. } => {
            "check the name in --repository, or create the bucket first (`aws s3 mb`); icecore creates none".to_owned()
        }
        StoreError::WrongRegion { region: Some(region), .. } => format!("give --region {region}"),
        StoreError::WrongRegion { region: None, .. } => "give the bucket's region with --region".to_owned(),
        StoreError::NoCredentials { .. } => {
            "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where an instance role or a \
             container role is given; `aws sso login` if the profile uses single sign-on"
                .to_owned()
        }
        StoreError::CredentialsRefused { expired: true, .. } => {
            "renew the credentials and run again: what was stored so far is used, nothing is lost".to_owned()
        }
        StoreError::CredentialsRefused { expired: false, .. } => {
            "check which credentials are used (environment, profile, role) and whether they belong to this server".to_owned()
        }
        StoreError::Unreachable { endpoint, proxy, cause } => {
            network_hint::of_connection(endpoint, proxy.as_deref(), cause)
        }
        StoreError::Redirected { target, .. } => format!("give --endpoint-url {target}"),
        StoreError::ForeignAnswer { .. } => {
            "check --endpoint-url: it is the address of S3 itself, not that of its web console; a proxy, or the login page of \
             a network, may have answered"
                .to_owned()
        }
        StoreError::IncompleteList { .. } => {
            "nothing was concluded from the list; update the server, or use another one".to_owned()
        }
        StoreError::ClockSkew { .. } => "set the clock, best with a time service such as chrony".to_owned(),
        StoreError::Archived { key, .. } if !key.starts_with(DATA_PREFIX) => {
            "thaw it with `aws s3api restore-object`, and copy it to STANDARD when S3 has done that: nothing below meta/ may be \
             archived; `icecore doctor` counts the archived objects below meta/, and shows the command for one"
                .to_owned()
        }
        StoreError::Archived { .. } => {
            "thaw it with `aws s3api restore-object`, and run the same command again when S3 has done that; `icecore restore` \
             lists all packs that it needs, with the commands"
                .to_owned()
        }
        _ => return None,
    };
    Some(hint)
}

impl From<ProbeError> for Failure {
    fn from(error: ProbeError) -> Self {
        match error {
            ProbeError::Store(error) => error.into(),
            error @ ProbeError::WrongReads { .. } => Self::new(ExitStatus::Failed, reason(&error))
                .hint("use another server, or a newer version of this one: every command makes such reads"),
            error => Self::new(ExitStatus::Failed, reason(&error)).hint(
                "use another server, or, if there will never be more than one backup, check or restore at a time, create \
                 the repository with `icecore init --single-writer`",
            ),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::from_store(&error)
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        let (status, hint) = match &error {
            ResolveError::NotFound(_) => {
                (ExitStatus::Failed, "`icecore snapshots` lists what there is".to_owned())
            }
            ResolveError::Unreadable { .. } => {
                (ExitStatus::Damage, "`icecore check` says what is damaged".to_owned())
            }
            ResolveError::SeveralIds { .. } => (ExitStatus::Failed, "write more digits of the id".to_owned()),
            ResolveError::SeveralSources { names } => {
                let name = names.first().map_or("SOURCE", String::as_str);
                (ExitStatus::Usage, format!("name the source, for example {name}@latest"))
            }
            ResolveError::SeveralHosts { choices, .. } => {
                let choice = choices.first().map_or("HOST/SOURCE", String::as_str);
                (ExitStatus::Usage, format!("name the host, for example {choice}@latest"))
            }
            _ => return Self::usage(error.to_string()),
        };
        Self::new(status, error.to_string()).hint(hint)
    }
}

impl From<CatalogError> for Failure {
    fn from(error: CatalogError) -> Self {
        Self::new(ExitStatus::Failed, reason(&error)).hint("choose another directory with --cache-dir")
    }
}

impl From<LocationError> for Failure {
    fn from(error: LocationError) -> Self {
        Self::usage(reason(&error))
    }
}

impl From<ExcludeError> for Failure {
    fn from(error: ExcludeError) -> Self {
        let failure = Self::usage(format!("failed to {}", reason(&error)));
        match error {
            ExcludeError::File { .. } => failure,
            _ => {
                failure.hint("patterns are those of gitignore files; a backslash takes a character literally")
            }
        }
    }
}

impl From<FsError> for Failure {
    fn from(error: FsError) -> Self {
        Self::new(ExitStatus::Failed, format!("failed to {}", reason(&error)))
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Source(error) => error.into(),
            BackupError::Repository(error) => error.into(),
            BackupError::StreamName { .. } => Self::usage(reason(&error))
                .hint("give the last part only, such as db.sql; --name names the source"),
            BackupError::Stream { .. } => {
                Self::new(ExitStatus::Failed, format!("failed to {}", reason(&error)))
            }
            BackupError::Command { .. } => Self::new(ExitStatus::Failed, reason(&error))
                .hint("there is no snapshot: half an output would look like a whole one"),
            BackupError::StreamEmpty => Self::new(ExitStatus::Failed, reason(&error))
                .hint("find out why nothing was written; if it should be stored as an empty file, add --allow-empty"),
            BackupError::RootEmpty { .. } => Self::new(ExitStatus::Failed, reason(&error)).hint(
                "if a file system belongs there, mount it and run again; if it is empty, or everything in it is left out, \
                 on purpose, add --allow-empty",
            ),
            _ => Self::new(ExitStatus::Failed, reason(&error)),
        }
    }
}

impl From<IncludeError> for Failure {
    fn from(error: IncludeError) -> Self {
        Self::usage(format!("failed to {}", reason(&error)))
            .hint("patterns are those of gitignore files; a backslash takes a character literally")
    }
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        let message = format!("failed to {}", reason(&error));
        match error {
            RestoreError::Repository(error) => error.into(),
            RestoreError::Interrupted => Self::interrupted()
                .hint("what was restored stays; run again and it is not fetched a second time"),
            RestoreError::PathNotFound { run, .. } => Self::new(ExitStatus::Failed, message)
                .hint(format!("`icecore ls {}` shows what there is", run.snapshot_id())),
            RestoreError::TargetNotDirectory { .. } => Self::new(ExitStatus::Failed, message)
                .hint("give a directory, or a path that does not exist yet"),
            RestoreError::ManyDeletions { .. } => {
                Self::new(ExitStatus::Failed, format!("{}; nothing was changed", many_deletions(&error)))
                    .hint("add --dry-run to see what would be deleted, or --yes if this is meant")
            }
            RestoreError::TargetFull { .. } => Self::new(ExitStatus::Failed, message)
                .hint("make room and run again: what was restored stays and is not fetched a second time"),
            _ => Self::new(ExitStatus::Failed, message),
        }
    }
}

/// Returns the text of a restore that would delete very much.
pub(crate) fn many_deletions(error: &RestoreError) -> String {
    let RestoreError::ManyDeletions { target, deletions, entries } = error else { return reason(error) };
    let (deletions, entries) = (text::count(*deletions), text::count(*entries));
    format!("this restore would delete {deletions} of the {entries} objects in {}", target.display())
}

impl From<CopyError> for Failure {
    fn from(error: CopyError) -> Self {
        let message = reason(&error);
        match error {
            CopyError::Source(error) => error.into(),
            CopyError::Target(error) => Self::from(error).of_other_repository(),
            CopyError::Marked { .. } => Self::new(ExitStatus::Damage, format!("failed to {message}")).hint(
                "`icecore check --repair` finds out whether it is whole again; what is not lost can still be restored",
            ),
            CopyError::Totals { .. } => Self::new(ExitStatus::Damage, format!("failed to {message}")).hint(DAMAGE_HINT),
            _ => Self::new(ExitStatus::Failed, format!("failed to {message}")),
        }
    }
}

impl Failure {
    /// Says that it is the repository that is copied to which failed, and names its options.
    #[must_use]
    pub(crate) fn of_other_repository(self) -> Self {
        if self.status == ExitStatus::Interrupted {
            return self;
        }
        let hint = self.hint.as_ref().map(|hint| {
            let hint = hint
                .replace("--repository", "--to")
                .replace(
                    "make a new repository there with `icecore init` or `icecore backup --init`",
                    "add --init",
                )
                .replace("ICECORE_", "ICECORE_TO_");
            ["key-file", "password-file", "password-command", "endpoint-url", "region", "ca-file"]
                .iter()
                .fold(hint, |hint, option| hint.replace(&format!("--{option}"), &format!("--to-{option}")))
        });
        Self { hint, ..self }.context("the repository to copy to")
    }
}

impl From<CheckError> for Failure {
    fn from(error: CheckError) -> Self {
        match &error {
            CheckError::Cancelled => Self::interrupted(),
            CheckError::InvalidSample { .. } => Self::usage(format!("failed to {}", reason(&error))),
            CheckError::Store { source, .. } | CheckError::Change { source, .. } => {
                Self { message: format!("failed to {}", reason(&error)), ..Self::from_store(source) }
            }
            CheckError::Changed { .. } => {
                Self::new(ExitStatus::Failed, format!("failed to {}", reason(&error)))
                    .hint("run the same command again: the repair is planned anew")
            }
            _ => Self::new(ExitStatus::Failed, format!("failed to {}", reason(&error))),
        }
    }
}

#[cfg(test)]
mod tests;
