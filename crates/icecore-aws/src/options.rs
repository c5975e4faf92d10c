//! Options for the use of a bucket.

use std::{
    fmt,
    num::{NonZeroU32, NonZeroUsize},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use icecore_store::{
    Stop,
    retry::RetryPolicy,
    waits::{Unobserved, Waits},
};

use crate::trust::Trust;

/// How requests name the bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addressing {
    /// In the path if the user gave an endpoint, otherwise in the host name; access points always in the host
    /// name.
    #[default]
    Automatic,
    /// In the path.
    Path,
    /// In the host name.
    Virtual,
}

/// Credentials of requests.
#[derive(Clone, Default)]
pub enum Credentials {
    /// Found by the SDK's default chain: environment, profiles, single sign-on, web identity, containers,
    /// instance roles; fetched again whenever they expire.
    #[default]
    Chain,
    /// A profile of the shared AWS configuration, even if the environment contains credentials.
    Profile {
        /// Name of the profile.
        name: String,
    },
    /// A user with a long-term key.
    Static {
        /// Id of the access key.
        access_key_id: String,
        /// Secret of the access key.
        secret_access_key: String,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain => formatter.write_str("Chain"),
            Self::Profile { name } => write!(formatter, "Profile({name})"),
            Self::Static { access_key_id, .. } => write!(formatter, "Static({access_key_id})"),
        }
    }
}

/// How the store encrypts the objects, which Icecore has encrypted already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// The default of the bucket.
    #[default]
    BucketDefault,
    /// With keys of S3 (SSE-S3).
    S3,
    /// With a KMS key (SSE-KMS); if none is named, the account's own key for S3.
    Kms {
        /// Id, ARN or alias of the key.
        key: Option<String>,
    },
}

/// Storage classes into which objects can be written.
const STORAGE_CLASSES: [&str; 8] = [
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
];

/// Name of a storage class, in the spelling of S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageClassName(String);

/// Error of parsing a storage class. The text fits after "failed to …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StorageClassError {
    /// There is no storage class with this name.
    #[error("{name:?} is not a storage class; choose one of {}", STORAGE_CLASSES.join(", "))]
    Unknown {
        /// The name as given.
        name: String,
    },
    /// Objects in this class cannot be read at once.
    #[error(
        "{name} is an archive class: its objects must be thawed before they can be read, but objects below `meta/` must always be readable"
    )]
    Cold {
        /// The name as given.
        name: String,
    },
}

impl StorageClassName {
    /// Returns the default class.
    pub fn standard() -> Self {
        Self("STANDARD".to_owned())
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether objects in the class must be thawed before they can be read.
    pub fn is_cold(&self) -> bool {
        is_cold(&self.0)
    }
}

/// Returns whether objects in a storage class must be thawed before they can be read.
pub(crate) fn is_cold(name: &str) -> bool {
    matches!(name, "GLACIER" | "DEEP_ARCHIVE")
}

impl FromStr for StorageClassName {
    type Err = StorageClassError;

    fn from_str(name: &str) -> Result<Self, StorageClassError> {
        if STORAGE_CLASSES.contains(&name) {
            Ok(Self(name.to_owned()))
        } else {
            Err(StorageClassError::Unknown { name: name.to_owned() })
        }
    }
}

/// A storage class whose objects can be read at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HotStorageClass(StorageClassName);

impl HotStorageClass {
    /// Returns the storage class.
    pub fn name(&self) -> &StorageClassName {
        &self.0
    }
}

impl TryFrom<StorageClassName> for HotStorageClass {
    type Error = StorageClassError;

    fn try_from(class: StorageClassName) -> Result<Self, StorageClassError> {
        if class.is_cold() { Err(StorageClassError::Cold { name: class.0 }) } else { Ok(Self(class)) }
    }
}

/// When large objects are uploaded in parts, on several connections at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// Always.
    Always,
    /// As soon as a connection has moved fewer bytes per second than this. Each part costs a request, which a
    /// single fast connection saves.
    BelowSpeed {
        /// Bytes per second.
        bytes_per_second: u64,
    },
}

/// Prefix of the keys that may have their own storage class.
pub(crate) const DATA_PREFIX: &str = "data/";

/// Options for the use of a bucket.
#[derive(Clone, Debug)]
pub struct S3Options {
    /// Name of the bucket.
    pub bucket: String,
    /// Prefix of all keys, without `/` at either end; empty for the whole bucket.
    pub prefix: String,
    /// URL of the server; S3's own for the region if absent.
    pub endpoint_url: Option<String>,
    /// Region; if absent, taken from the SDK's own chain.
    pub region: Option<String>,
    /// Credentials of the requests.
    pub credentials: Credentials,
    /// Certificates to trust.
    pub trust: Trust,
    /// How requests name the bucket.
    pub addressing: Addressing,
    /// How the store encrypts.
    pub encryption: Encryption,
    /// Storage class of objects under `data/`.
    pub data_class: StorageClassName,
    /// Storage class of all other objects.
    pub meta_class: HotStorageClass,
    /// The server does not honour conditions, so they are checked before each write. This is only safe for a
    /// single writer.
    pub single_writer: bool,
    /// Requests contain and ask for the CRC64NVME checksums of S3. Without them, writes contain an MD5 of the
    /// body, which older servers support, too.
    pub has_checksums: bool,
    /// Most concurrent requests.
    pub requests_max: NonZeroUsize,
    /// Only larger objects under `data/` are uploaded in parts, in bytes.
    pub multipart_above_bytes: u64,
    /// When they are.
    pub parts: Parts,
    /// Shortest length of all parts except the last one, in bytes; at least 5 MiB on S3.
    pub part_bytes_min: u64,
    /// How often and how long requests are repeated.
    pub retry: RetryPolicy,
    /// How long to wait for the network at the beginning. Without it, a server that cannot be reached is
    /// reported within seconds.
    pub network_time_max: Option<Duration>,
    /// Ends everything that is running.
    pub stop: Stop,
    /// Observer of the waits.
    pub waits: Arc<dyn Waits>,
}

impl S3Options {
    /// Creates the default options for a prefix in a bucket.
    pub fn new(bucket: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            prefix: prefix.into(),
            endpoint_url: None,
            region: None,
            credentials: Credentials::default(),
            trust: Trust::default(),
            addressing: Addressing::default(),
            encryption: Encryption::default(),
            data_class: StorageClassName::standard(),
            meta_class: HotStorageClass(StorageClassName::standard()),
            single_writer: false,
            has_checksums: true,
            requests_max: const { NonZeroUsize::new(64).unwrap() },
            multipart_above_bytes: 8 << 20,
            parts: Parts::BelowSpeed { bytes_per_second: 16 << 20 },
            part_bytes_min: 5 << 20,
            retry: RetryPolicy {
                attempts_max: const { NonZeroU32::new(40).unwrap() },
                total_max: Duration::from_mins(15),
                delay_first: Duration::from_millis(100),
                delay_max: Duration::from_secs(30),
            },
            network_time_max: None,
            stop: Stop::default(),
            waits: Arc::new(Unobserved),
        }
    }

    /// Returns the storage class of an object.
    pub(crate) fn storage_class(&self, key: &str) -> &StorageClassName {
        if key.starts_with(DATA_PREFIX) { &self.data_class } else { self.meta_class.name() }
    }
}

#[cfg(test)]
mod tests;
