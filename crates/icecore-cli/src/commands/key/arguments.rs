//! Options of `key`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use icecore_operations::key::{NewKeyRequest, NewKeySource};

/// Manage the keys and passwords that unlock the repository
///
/// A repository has one or more key slots, each of which a password, a key file or a key of AWS KMS opens. Whoever has opened it once could
/// have copied the keys inside: removing a slot ends the use of a password, not the knowledge of who had it.
#[derive(Clone, Debug, Args)]
pub(crate) struct KeyArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: KeyCommand,
}

/// What to do with key slots.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// List the key slots
    List,
    Add(KeyAddArguments),
    Remove(KeyRemoveArguments),
    Passwd(KeyPasswdArguments),
}

/// Where a new key comes from; what unlocks the repository meanwhile is given by the global options.
#[derive(Clone, Debug, Args)]
#[group(multiple = false)]
pub(crate) struct NewKeyArguments {
    /// New key file, written if it does not exist
    #[arg(id = "new_key_file", long = "new-key-file", value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// File that holds the new password
    #[arg(id = "new_password_file", long = "new-password-file", value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Command that prints the new password
    #[arg(id = "new_password_command", long = "new-password-command", value_name = "COMMAND")]
    pub(crate) password_command: Option<String>,
    /// Key of AWS KMS, by ARN, alias or id: who may use it can unlock the repository
    #[arg(long, value_name = "KEY")]
    pub(crate) kms: Option<String>,
}

/// Add a password, a key file, or a key of AWS KMS
///
/// Without any of the options, the new password is asked for on the terminal.
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

/// Remove a key slot; the last one stays
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  icecore key remove 5be1")]
pub(crate) struct KeyRemoveArguments {
    /// Id of the slot, or its beginning; see `icecore key list`
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

/// Change the password, or the key file, that unlocks the repository now
///
/// A slot for the new key is added and tried, then the slot that the present key opens is removed. Without any of the
/// options, the new password is asked for on the terminal.
///
/// If the present key file is the generated one in the user's configuration directory, or the one that the configuration
/// file names, the new key is written there, too, and the old file is kept beside it as FILE.old-DATE: jobs go on
/// without a change. Whatever else gives the old key (--key-file, `ICECORE_KEY_FILE`, a password file) has to be changed; the
/// command says so.
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
    /// Returns where the new key comes from.
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
    /// Returns which key is to be added.
    pub(super) fn request(&self) -> NewKeyRequest {
        NewKeyRequest { source: self.new.source(), label: self.label.clone() }
    }
}
