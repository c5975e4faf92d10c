//! Settings of repositories on S3.

use std::{
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
};

use serde::Deserialize;

/// Most requests that can be asked to be under way at once.
pub const S3_REQUESTS_MAX: usize = 1024;

/// How requests name the bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum S3Addressing {
    /// In the path if there is an endpoint, else in the host name.
    #[default]
    Auto,
    /// In the path.
    Path,
    /// In the host name.
    Virtual,
}

/// How the store encrypts what is encrypted already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum S3Encryption {
    /// As the bucket says.
    #[default]
    Bucket,
    /// With keys of S3.
    SseS3,
    /// With a key of KMS.
    SseKms,
}

/// Settings of repositories on S3, as far as they are given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3Settings {
    /// URL of the server.
    pub endpoint_url: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// Profile of the shared AWS configuration; what the environment says if absent.
    pub profile: Option<String>,
    /// File with the only certificates that are trusted; what the AWS configuration or the system says if
    /// absent.
    pub ca_file: Option<PathBuf>,
    /// How requests name the bucket.
    pub addressing: S3Addressing,
    /// How the store encrypts.
    pub encryption: S3Encryption,
    /// Key of KMS, if it is to encrypt with another one than the account's own.
    pub kms_key: Option<String>,
    /// Storage class of objects under `data/`; not checked yet.
    pub data_storage_class: Option<String>,
    /// Storage class of all other objects; not checked yet.
    pub meta_storage_class: Option<String>,
    /// Most requests under way at once, up to [`S3_REQUESTS_MAX`].
    pub requests_max: Option<NonZeroUsize>,
    /// Whether requests neither carry nor ask for the checksums of S3, which some servers refuse.
    pub skips_checksums: bool,
    /// Most bytes a second that are sent.
    pub upload_bytes_per_second_max: Option<NonZeroU64>,
    /// Most bytes a second that are received.
    pub download_bytes_per_second_max: Option<NonZeroU64>,
}
