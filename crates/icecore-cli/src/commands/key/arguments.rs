//! Options of `key`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use icecore_operations::key::{NewKeyRequest, NewKeySource};

/// Manage the keys and passwords that unlock the repository
///
/// A repository has one or more key slots. Each slot is opened by a password, a key file or an AWS KMS key.
/// Anyone who has opened the repository once could have copied the keys inside. After you remove a slot, its
/// password no longer works, but copied keys still do.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
On S3, `list` needs the permissions of a `restorer`, `add` those of a `writer`, and `remove` and `passwd` \
those of a `maintainer`: see `icecore doctor --print-policy`.

Examples:
  icecore key list
  icecore key add --new-key-file /media/safe/backup.key
  icecore key remove 5be1")]
pub(crate) struct KeyArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: KeyCommand,
}

/// What to do with key slots.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// List the key slots
    #[command(after_help = "\
Examples:
  icecore key list
  icecore key list --json")]
    List,
    Add(KeyAddArguments),
    Remove(KeyRemoveArguments),
    Passwd(KeyPasswdArguments),
}

/// Source of a new key. The global options unlock the repository itself.
#[derive(Clone, Debug, Args)]
#[group(multiple = false)]
pub(crate) struct NewKeyArguments {
    /// New key file; created if it does not exist
    #[arg(id = "new_key_file", long = "new-key-file", value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// File that contains the new password
    #[arg(id = "new_password_file", long = "new-password-file", value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Command that prints the new password
    #[arg(id = "new_password_command", long = "new-password-command", value_name = "COMMAND")]
    pub(crate) password_command: Option<String>,
    /// AWS KMS key (ARN, alias or id)
    ///
    /// Everyone who may use this KMS key can unlock the repository.
    #[arg(long, value_name = "KEY")]
    pub(crate) kms: Option<String>,
}

/// Add a password, a key file or an AWS KMS key
///
/// Without any of these options, you are asked for the new password on the terminal.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore key add --new-key-file /media/safe/backup.key --label 'in the safe'
  icecore key add --kms alias/backup --label 'role of the servers'
  icecore key add --label alice")]
pub(crate) struct KeyAddArguments {
    /// Where the new key comes from.
    #[command(flatten)]
    pub(crate) new: NewKeyArguments,
    /// Label of the key, shown by `icecore key list`
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) label: String,
}

/// Remove a key slot; the last one cannot be removed
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  icecore key remove 5be1")]
pub(crate) struct KeyRemoveArguments {
    /// Id of the slot, or its first characters; see `icecore key list`
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

/// Change the password or key file that currently unlocks the repository
///
/// The command adds a slot for the new key and tests it. Then it removes the slot of the current key. Without
/// any of the options, you are asked for the new password on the terminal.
///
/// If the current key file is the generated one in the user's configuration directory, or the one in the
/// configuration file, the new key is also written to this file. The old file is kept beside it as
/// FILE.old-DATE. Jobs continue to work without a change. If the old key comes from elsewhere (--key-file,
/// `ICECORE_KEY_FILE`, a password file), change it there yourself; the command reminds you.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore key passwd
  icecore key passwd --password-file old --new-password-file new
  icecore key passwd --key-file old.key --new-key-file new.key")]
pub(crate) struct KeyPasswdArguments {
    /// Where the new key comes from.
    #[command(flatten)]
    pub(crate) new: NewKeyArguments,
}

impl NewKeyArguments {
    /// Returns the source of the new key.
    pub(super) fn source(&self) -> NewKeySource {
        let Self { key_file, password_file, password_command, kms } = self.clone();
        let source = kms.map(NewKeySource::Kms);
        let source = source.or_else(|| key_file.map(NewKeySource::KeyFile));
        let source = source.or_else(|| password_file.map(NewKeySource::PasswordFile));
        let command = || password_command.map(|command| NewKeySource::PasswordCommand(command.into()));
        source.or_else(command).unwrap_or(NewKeySource::Asked)
    }
}

impl KeyAddArguments {
    /// Returns the request.
    pub(super) fn request(&self) -> NewKeyRequest {
        NewKeyRequest { source: self.new.source(), label: self.label.clone() }
    }
}
