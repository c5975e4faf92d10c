//! Options of `init`.

use clap::Args;
use icecore_access::creation::KeyChoice;
use icecore_format::ids::RepositoryId;
use icecore_operations::init::{FIRST_KEY_LABEL, InitRequest};

/// Create a repository with its first key
///
/// The first key is a password (--password-file, --password-command, `ICECORE_PASSWORD`) or a key file
/// (--key-file). A key file that does not exist is created. If nothing is given, you are asked for a password
/// on the terminal. Without a terminal, or if you leave the password empty, a key file is generated in the
/// user's configuration directory.
///
/// Without one of its keys, nobody can ever read the repository again. Keep a copy of the key elsewhere.
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
    /// Create the repository although repository ID, which this host used at this location, is missing
    ///
    /// Without this option, the command refuses to create it. Otherwise, an emptied location or a disk that
    /// is not mounted would look like a new location.
    #[arg(long, value_name = "ID", value_parser = RepositoryId::from_hex)]
    pub(crate) in_place_of: Option<RepositoryId>,
    /// On S3: create a repository for one writer at a time, for servers that ignore conditional requests
    ///
    /// Without this option, a server that ignores If-None-Match and If-Match is refused: several writers
    /// could destroy each other's work. With this option, nothing else may write to the repository while a
    /// command runs.
    #[arg(long)]
    pub(crate) single_writer: bool,
    /// AWS KMS key (ARN, alias or id) to use as the first key
    ///
    /// Everyone who may use this KMS key can unlock the repository.
    #[arg(long, value_name = "KEY")]
    pub(crate) kms: Option<String>,
}

impl InitArguments {
    /// Returns the request.
    pub(super) fn request(&self) -> InitRequest {
        let Self { label, in_place_of, single_writer, kms } = self.clone();
        let key = kms.map_or(KeyChoice::GivenOrAsked, KeyChoice::Kms);
        InitRequest { label, key, in_place_of, single_writer }
    }
}
