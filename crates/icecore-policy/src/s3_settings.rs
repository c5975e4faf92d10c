//! Settings of repositories on S3.

use std::{
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
};

use serde::Deserialize;

/// Highest limit of concurrent requests that can be set.
pub const S3_REQUESTS_MAX: usize = 1024;

/// How requests name the bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum S3Addressing {
    /// In the path if there is an endpoint, otherwise in the host name.
    #[default]
    Auto,
    /// In the path.
    Path,
    /// In the host name.
    Virtual,
}

/// How the store encrypts the objects, which Icecore has encrypted already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum S3Encryption {
    /// The default of the bucket.
    #[default]
    Bucket,
    /// With keys of S3.
    SseS3,
    /// With a KMS key.
    SseKms,
}

/// Settings of repositories on S3 that the file contains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3Settings {
    /// URL of the server.
    pub endpoint_url: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// Profile of the shared AWS configuration; if absent, taken from the environment.
    pub profile: Option<String>,
    /// File with the only certificates to trust; if absent, those of the AWS configuration or the system.
    pub ca_file: Option<PathBuf>,
    /// How requests name the bucket.
    pub addressing: S3Addressing,
    /// How the store encrypts.
    pub encryption: S3Encryption,
    /// KMS key, if not the account's own.
    pub kms_key: Option<String>,
    /// Storage class of objects under `data/`; not checked yet.
    pub data_storage_class: Option<String>,
    /// Storage class of all other objects; not checked yet.
    pub meta_storage_class: Option<String>,
    /// Most concurrent requests, up to [`S3_REQUESTS_MAX`].
    pub requests_max: Option<NonZeroUsize>,
    /// Whether requests neither contain nor ask for the checksums of S3, which some servers refuse.
    pub skips_checksums: bool,
    /// Most bytes sent per second.
    pub upload_bytes_per_second_max: Option<NonZeroU64>,
    /// Most bytes received per second.
    pub download_bytes_per_second_max: Option<NonZeroU64>,
}
