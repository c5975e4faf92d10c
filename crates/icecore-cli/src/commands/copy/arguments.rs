//! Options of `copy`.

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgMatches, Args, ValueHint};
use icecore_access::{GivenCredentials, creation::KeyChoice};
use icecore_operations::copy::{CopyRequest, CopySelection};
use icecore_policy::{BackupSettings, S3Addressing, S3Settings};
use zeroize::Zeroizing;

use crate::arguments::{
    global::given_credentials,
    rollback::RollbackArguments,
    values::{parse_compression, parse_pack_size},
};

/// Copy snapshots to another repository, region or account
///
/// Without SNAPSHOT, all complete snapshots are copied that the other repository does not have yet. Each
/// snapshot is read, verified, and encrypted again with the keys of the other repository. Data that the other
/// repository already has is not sent again. Source, host, time, level, tags and everything about the files
/// stay the same. Each copy records its original snapshot, so no snapshot is copied twice. A copy that was
/// interrupted continues where it stopped.
///
/// A damaged snapshot is not copied, but the others are; the exit code is then 20. The exit code is also 20
/// if snapshots of this repository disappeared or it was rolled back. In this case, all existing snapshots
/// are copied, but `latest` is refused.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
You can also set the password of the other repository in the environment variable ICECORE_TO_PASSWORD. If no \
key or password is given, the key file that --init generated for that repository is used. If there is no such \
file, the AWS KMS keys of that repository are tried, and then you are asked for the password on the terminal.

Examples:
  icecore copy --to /mnt/disk/backup --init
  icecore copy --to s3://other-bucket/backup --to-region eu-west-1 --to-profile archive
  icecore copy home@latest etc@latest --to /mnt/disk/backup --to-key-file /root/disk.key
  icecore copy --to s3://other-bucket/backup --dry-run")]
pub(crate) struct CopyArguments {
    /// Snapshots to copy: `[SOURCE@]SNAPSHOT` (default: all)
    #[arg(value_name = "SNAPSHOT")]
    snapshots: Vec<OsString>,
    /// Location of the other repository: a directory or `s3://bucket/prefix`
    #[arg(long, value_name = "URL", env = "ICECORE_TO_REPOSITORY", value_hint = ValueHint::AnyPath, hide_env_values = true)]
    pub(super) to: OsString,
    /// Copy only snapshots of this source
    #[arg(long, value_name = "NAME", conflicts_with = "snapshots")]
    source: Option<String>,
    /// Create the other repository if it does not exist, with a key as `icecore init` does
    #[arg(long)]
    init: bool,
    /// AWS KMS key (ARN, alias or id) to use as the first key of a new repository
    ///
    /// Everyone who may use this KMS key can unlock the repository.
    #[arg(long, value_name = "KEY", requires = "init")]
    to_kms: Option<String>,
    /// Key file that unlocks the other repository
    #[arg(long, value_name = "FILE", env = "ICECORE_TO_KEY_FILE", value_hint = ValueHint::FilePath, hide_env_values = true)]
    to_key_file: Option<OsString>,
    /// File that contains the password of the other repository; one line break at the end is ignored
    #[arg(long, value_name = "FILE", env = "ICECORE_TO_PASSWORD_FILE", value_hint = ValueHint::FilePath, hide_env_values = true)]
    to_password_file: Option<OsString>,
    /// Command that prints the password of the other repository; run with `sh -c`
    #[arg(long, value_name = "COMMAND", env = "ICECORE_TO_PASSWORD_COMMAND", value_hint = ValueHint::CommandString, hide_env_values = true)]
    to_password_command: Option<OsString>,
    /// URL of the S3-compatible server of the other repository (default: same as for this repository, or that
    /// of --to-profile)
    #[arg(long, value_name = "URL", env = "ICECORE_TO_ENDPOINT_URL", value_hint = ValueHint::Url, hide_env_values = true)]
    to_endpoint_url: Option<String>,
    /// Region of the other repository's bucket (default: same as for this repository, or that of
    /// --to-profile)
    #[arg(long, value_name = "REGION", env = "ICECORE_TO_REGION", hide_env_values = true)]
    to_region: Option<String>,
    /// AWS profile with the credentials and the region for the other repository
    #[arg(long, value_name = "NAME", env = "ICECORE_TO_PROFILE", hide_env_values = true)]
    to_profile: Option<String>,
    /// Trust only the certificates in this PEM file for the other repository (default: same as for this
    /// repository, if both are on the same server)
    #[arg(long, value_name = "FILE", env = "ICECORE_TO_CA_FILE", value_hint = ValueHint::FilePath, hide_env_values = true)]
    to_ca_file: Option<OsString>,
    /// Target size of packs, 1MiB to 240MiB (default: 64MiB, or the value in the configuration file)
    #[arg(long, value_name = "SIZE", value_parser = parse_pack_size)]
    pack_size: Option<u64>,
    /// Compression level of zstd (default: 3, or the value in the configuration file)
    #[arg(long, value_name = "LEVEL", value_parser = parse_compression, allow_hyphen_values = true)]
    compression: Option<i32>,
    /// Show what would be copied, but write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    rollback: RollbackArguments,
}

impl CopyArguments {
    /// Returns the request; `configured` are the settings of the configuration file for writing data.
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

    /// Returns the given credentials of the other repository; `password` is the one from the environment.
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

    /// Returns the S3 settings of the other repository. By default, they are the settings of `this` one for
    /// the server, without those for the bucket. With a profile, server and region come from the profile.
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
