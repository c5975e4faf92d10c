//! Options of `init`.

use clap::Args;
use icecore_access::creation::KeyChoice;
use icecore_format::ids::RepositoryId;
use icecore_operations::init::{FIRST_KEY_LABEL, InitRequest};

/// Create a repository with its first key
///
/// The first key is a password from the usual sources (--password-file, --password-command, `ICECORE_PASSWORD`), or the key
/// file --key-file, which is written anew if it does not exist. If nothing is given, a password is asked for on the
/// terminal; without a terminal, or if the password is left empty, a key file is generated in the user's
/// configuration directory.
///
/// Without any of its keys nobody can ever read the repository again: keep a copy of the key elsewhere.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore init --repository /srv/backup
  icecore init --repository s3://bucket/prefix
  icecore init --repository /srv/backup --key-file /root/backup.key
  icecore init --repository s3://bucket/prefix --kms alias/backup
  icecore init --repository /srv/backup --password-command 'pass show backup'")]
pub(crate) struct InitArguments {
    /// Label of the key, shown by `icecore key list`
    #[arg(long, value_name = "TEXT", default_value = FIRST_KEY_LABEL)]
    pub(crate) label: String,
    /// Create it although this host has used the repository ID at this place, and it is not there any more
    ///
    /// Without this, a place that was emptied, or a disk that is not mounted, would be taken for a new one.
    #[arg(long, value_name = "ID", value_parser = RepositoryId::from_hex)]
    pub(crate) in_place_of: Option<RepositoryId>,
    /// On S3: make a repository for one writer at a time, for a server that ignores conditional requests
    ///
    /// Without this, a server that does not honour If-None-Match and If-Match is refused: several writers could destroy
    /// each other's work. With it, nothing else may write to the repository while a command runs.
    #[arg(long)]
    pub(crate) single_writer: bool,
    /// Make the first key one of AWS KMS, by ARN, alias or id: who may use it can unlock the repository
    #[arg(long, value_name = "KEY")]
    pub(crate) kms: Option<String>,
}

impl InitArguments {
    /// Returns which repository is to be created.
    pub(super) fn request(&self) -> InitRequest {
        let Self { label, in_place_of, single_writer, kms } = self.clone();
        let key = kms.map_or(KeyChoice::GivenOrAsked, KeyChoice::Kms);
        InitRequest { label, key, in_place_of, single_writer }
    }
}
