//! Options of `copy`.

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgMatches, Args, ValueHint};
use icecore_access::{GivenCredentials, creation::KeyChoice};
use icecore_operations::copy::{CopyRequest, CopySelection};
use icecore_policy::{BackupSettings, S3Addressing, S3Settings};
use zeroize::Zeroizing;

use crate::arguments::backup::{parse_compression, parse_pack_size};
use crate::arguments::global::given_credentials;
use crate::arguments::rollback::RollbackArguments;

/// Copy snapshots into another repository, region or account
///
/// Without SNAPSHOT, all complete snapshots are copied that the other repository does not have yet. Each is read and
/// verified, and sealed anew under the keys of the other repository; data that is there is not sent again. Source, host, time,
/// level, tags and everything about the files stay as they are. The copy remembers which snapshot it is one of, so that it
/// is not made twice, and goes on where an earlier one was interrupted.
///
/// A damaged snapshot is not copied, but the others are; the exit code is 20 then. It is 20 as well if
/// snapshots of this repository disappeared, or it was rolled back: all snapshots that are there are copied,
/// but `latest` is refused.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
The password of the other repository can also be in the environment variable ICECORE_TO_PASSWORD.
If nothing is given, the key file that --init generated for it is used; if there is none, the
password is asked for on the terminal.

Examples:
  icecore copy --to /mnt/disk/backup --init
  icecore copy --to s3://other-bucket/backup --to-region eu-west-1 --to-profile archive
  icecore copy home@latest etc@latest --to /mnt/disk/backup --to-key-file /root/disk.key
  icecore copy --to s3://other-bucket/backup --dry-run")]
pub(crate) struct CopyArguments {
    /// Snapshots to copy: `[SOURCE@]SNAPSHOT` (default: all)
    #[arg(value_name = "SNAPSHOT")]
    snapshots: Vec<OsString>,
    /// Where the other repository is: a directory or `s3://bucket/prefix`
    #[arg(long, value_name = "URL", env = "ICECORE_TO_REPOSITORY", value_hint = ValueHint::AnyPath, hide_env_values = true)]
    pub(super) to: OsString,
    /// Only snapshots of this source
    #[arg(long, value_name = "NAME", conflicts_with = "snapshots")]
    source: Option<String>,
    /// Create the other repository if there is none, with a key as `icecore init` does
    #[arg(long)]
    init: bool,
    /// Make the first key of a new repository one of AWS KMS, by ARN, alias or id: who may use it can unlock the repository
    #[arg(long, value_name = "KEY", requires = "init")]
    to_kms: Option<String>,
    /// Key file that unlocks the other repository
    #[arg(long, value_name = "FILE", env = "ICECORE_TO_KEY_FILE", value_hint = ValueHint::FilePath, hide_env_values = true)]
    to_key_file: Option<OsString>,
    /// File that holds the password of the other repository; one line end at its end is ignored
    #[arg(long, value_name = "FILE", env = "ICECORE_TO_PASSWORD_FILE", value_hint = ValueHint::FilePath, hide_env_values = true)]
    to_password_file: Option<OsString>,
    /// Command that prints the password of the other repository; run by `sh -c`
    #[arg(long, value_name = "COMMAND", env = "ICECORE_TO_PASSWORD_COMMAND", value_hint = ValueHint::CommandString, hide_env_values = true)]
    to_password_command: Option<OsString>,
    /// URL of the S3-compatible server of the other repository (default: as for this one)
    #[arg(long, value_name = "URL", env = "ICECORE_TO_ENDPOINT_URL", value_hint = ValueHint::Url, hide_env_values = true)]
    to_endpoint_url: Option<String>,
    /// Region of the other repository's bucket (default: as for this one)
    #[arg(long, value_name = "REGION", env = "ICECORE_TO_REGION", hide_env_values = true)]
    to_region: Option<String>,
    /// Profile of the shared AWS configuration that gives credentials and region for the other repository
    #[arg(long, value_name = "NAME", env = "ICECORE_TO_PROFILE", hide_env_values = true)]
    to_profile: Option<String>,
    /// File with the only certificates to trust for the other repository, in PEM form (default: as for this one, if it is on
    /// the same server)
    #[arg(long, value_name = "FILE", env = "ICECORE_TO_CA_FILE", value_hint = ValueHint::FilePath, hide_env_values = true)]
    to_ca_file: Option<OsString>,
    /// Target size of packs, 1MiB to 240MiB (default: 64MiB, or as the configuration file says)
    #[arg(long, value_name = "SIZE", value_parser = parse_pack_size)]
    pack_size: Option<u64>,
    /// Compression level of zstd (default: 3, or as the configuration file says)
    #[arg(long, value_name = "LEVEL", value_parser = parse_compression, allow_hyphen_values = true)]
    compression: Option<i32>,
    /// Only show what would be copied; write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    rollback: RollbackArguments,
}

impl CopyArguments {
    /// Returns what is to be copied; `configured` is what the configuration file says about how data is written.
    pub(super) fn request(&self, configured: &BackupSettings) -> CopyRequest {
        let selection = match &self.source {
            _ if !self.snapshots.is_empty() => CopySelection::Named(self.snapshots.clone()),
            Some(source) => CopySelection::Source(source.clone()),
            None => CopySelection::All,
        };
        let key = || self.to_kms.clone().map_or(KeyChoice::Given, KeyChoice::Kms);
        CopyRequest {
            selection,
            creation: self.init.then(key),
            compression_level: self.compression.unwrap_or(configured.compression_level),
            pack_bytes: self.pack_size.unwrap_or(configured.pack_bytes),
            is_dry_run: self.dry_run,
            ignores_rollback: self.rollback.ignore_rollback,
        }
    }

    /// Returns the ways to unlock the other repository that were given; `password` is that of the environment.
    pub(super) fn credentials(
        &self,
        matches: &ArgMatches,
        password: Option<Zeroizing<Vec<u8>>>,
    ) -> GivenCredentials {
        let options = [
            ("to_key_file", self.to_key_file.as_ref()),
            ("to_password_file", self.to_password_file.as_ref()),
            ("to_password_command", self.to_password_command.as_ref()),
        ];
        given_credentials(matches, options, password)
    }

    /// Returns the S3 settings of the other repository: those of `this` one where nothing else is said, as far as they are
    /// about the server and not about the bucket. With a profile, server and region are the profile's.
    pub(super) fn s3_settings(&self, this: &S3Settings) -> S3Settings {
        let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let profile = given(&self.to_profile);
        let inherited = |value: &Option<String>| value.clone().filter(|_| profile.is_none());
        let endpoint_url = given(&self.to_endpoint_url);
        let is_same_server = endpoint_url.is_none() && profile.is_none();
        let ca_file = self.to_ca_file.as_ref().filter(|path| !path.is_empty()).map(PathBuf::from);
        S3Settings {
            ca_file: ca_file.or_else(|| this.ca_file.clone().filter(|_| is_same_server)),
            addressing: if endpoint_url.is_none() { this.addressing } else { S3Addressing::default() },
            skips_checksums: endpoint_url.is_none() && profile.is_none() && this.skips_checksums,
            endpoint_url: endpoint_url.or_else(|| inherited(&this.endpoint_url)),
            region: given(&self.to_region).or_else(|| inherited(&this.region)),
            requests_max: this.requests_max,
            upload_bytes_per_second_max: this.upload_bytes_per_second_max,
            download_bytes_per_second_max: this.download_bytes_per_second_max,
            profile,
            ..S3Settings::default()
        }
    }
}
