//! The content of the file: one type for each table, and for each value a type that refuses invalid values.

use std::{
    collections::BTreeMap,
    fmt,
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
};

use serde::{Deserialize, Deserializer, de};

use crate::{
    byte_size::parse_byte_size,
    progress_mode::ProgressMode,
    s3_settings::{S3_REQUESTS_MAX, S3Addressing, S3Encryption, S3Settings},
    settings::{COMPRESSION_LEVELS, PACK_BYTES_RANGE, READ_CONCURRENCY_MAX, SettingsTable},
};

/// Most tags of a snapshot.
const TAGS_MAX: usize = 1024;
/// Longest key or value of a tag, in bytes.
const TAG_BYTES_MAX: usize = 1 << 16;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FileRecord {
    pub repository: Option<RepositoryText>,
    pub password_file: Option<AbsolutePath>,
    pub password_command: Option<Text>,
    pub key_file: Option<AbsolutePath>,
    pub cache_dir: Option<AbsolutePath>,
    pub cache_size: Option<ByteSize>,
    pub index_memory: Option<ByteSize>,
    #[serde(default)]
    pub progress: ProgressMode,
    pub s3: Option<S3Record>,
    pub backup: Option<BackupRecord>,
    #[serde(default)]
    pub sources: BTreeMap<SourceName, SourceRecord>,
}

/// Declares a table with the settings of a backup, and further keys. (`serde(flatten)` would accept unknown
/// keys.)
macro_rules! settings_record {
    ($(#[$doc:meta])* $name:ident { $($extra:ident: $type:ty),* }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        pub(crate) struct $name {
            $(pub $extra: $type,)*
            exclude: Option<Vec<String>>,
            exclude_file: Option<Vec<AbsolutePath>>,
            exclude_caches: Option<bool>,
            one_file_system: Option<bool>,
            ignore_ctime: Option<bool>,
            ignore_inode: Option<bool>,
            allow_empty: Option<bool>,
            compression_level: Option<CompressionLevel>,
            read_concurrency: Option<ReadConcurrency>,
            pack_size: Option<PackSize>,
            tags: Option<Tags>,
        }

        impl $name {
            pub(crate) fn into_settings(self) -> SettingsTable {
                SettingsTable {
                    exclude: self.exclude,
                    exclude_files: self.exclude_file.map(|files| files.into_iter().map(|file| file.0).collect()),
                    exclude_caches: self.exclude_caches,
                    one_file_system: self.one_file_system,
                    ignore_ctime: self.ignore_ctime,
                    ignore_inode: self.ignore_inode,
                    allow_empty: self.allow_empty,
                    compression_level: self.compression_level.map(|level| level.0),
                    read_concurrency: self.read_concurrency.map(|concurrency| concurrency.0),
                    pack_bytes: self.pack_size.map(|size| size.0),
                    tags: self.tags.map(|tags| tags.0),
                }
            }
        }
    };
}

settings_record! {
    /// The table `[backup]`.
    BackupRecord {}
}
settings_record! {
    /// A table `[sources.NAME]`.
    SourceRecord { path: AbsolutePath }
}

/// The table `[s3]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct S3Record {
    endpoint_url: Option<Text>,
    region: Option<Text>,
    ca_file: Option<AbsolutePath>,
    #[serde(default)]
    addressing: S3Addressing,
    #[serde(default)]
    encryption: S3Encryption,
    kms_key: Option<Text>,
    data_storage_class: Option<Text>,
    meta_storage_class: Option<Text>,
    requests: Option<Requests>,
    checksums: Option<bool>,
    limit_upload: Option<Rate>,
    limit_download: Option<Rate>,
}

impl S3Record {
    pub(crate) fn into_settings(self) -> S3Settings {
        let text = |text: Option<Text>| text.map(|text| text.0);
        S3Settings {
            endpoint_url: text(self.endpoint_url),
            region: text(self.region),
            profile: None,
            ca_file: self.ca_file.map(|path| path.0),
            addressing: self.addressing,
            encryption: self.encryption,
            kms_key: text(self.kms_key),
            data_storage_class: text(self.data_storage_class),
            meta_storage_class: text(self.meta_storage_class),
            requests_max: self.requests.map(|requests| requests.0),
            skips_checksums: self.checksums == Some(false),
            upload_bytes_per_second_max: self.limit_upload.map(|rate| rate.0),
            download_bytes_per_second_max: self.limit_download.map(|rate| rate.0),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "i64")]
struct Requests(NonZeroUsize);

impl TryFrom<i64> for Requests {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, Self::Error> {
        let requests = usize::try_from(number).ok().filter(|requests| *requests <= S3_REQUESTS_MAX);
        let requests = requests.and_then(NonZeroUsize::new).map(Self);
        requests.ok_or_else(|| {
            format!("{number} is out of range; write a number of requests from 1 to {S3_REQUESTS_MAX}")
        })
    }
}

/// Bytes per second, as a text with a unit.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Rate(NonZeroU64);

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = parse_byte_size(&text).map_err(|error| error.to_string())?;
        NonZeroU64::new(bytes).map(Self).ok_or_else(|| "the rate must be greater than zero".to_owned())
    }
}

/// A text that is not empty.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Text(pub String);

impl TryFrom<String> for Text {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.trim().is_empty() { Err("it is empty") } else { Ok(Self(text)) }
    }
}

/// An absolute path, because the file may be read from any working directory, for example by a timer.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct AbsolutePath(pub PathBuf);

impl TryFrom<String> for AbsolutePath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if !text.starts_with('/') {
            return Err(format!(
                "{text:?} does not begin with /; paths in this file must be absolute, and ~ is not expanded"
            ));
        }
        if text.contains('\0') {
            return Err("a path cannot contain the character NUL".to_owned());
        }
        Ok(Self(text.into()))
    }
}

/// A URL or an absolute path. The valid kinds of URLs are not known here.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct RepositoryText(pub String);

impl TryFrom<String> for RepositoryText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.contains("://") || text.starts_with('/') {
            return Ok(Self(text));
        }
        Err(format!("{text:?} is neither a path that begins with / nor a URL such as s3://bucket/prefix"))
    }
}

/// The name of a source, restricted so that `SOURCE@SNAPSHOT:PATH` can be parsed.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct SourceName(pub String);

impl TryFrom<String> for SourceName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if name.trim().is_empty() {
            return Err("the name of a source is empty".to_owned());
        }
        if name.contains(['@', ':']) || name.contains(char::is_control) {
            return Err(format!(
                "the name of a source cannot contain @, : or control characters; {name:?} does"
            ));
        }
        Ok(Self(name))
    }
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "i64")]
struct CompressionLevel(i32);

impl TryFrom<i64> for CompressionLevel {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, Self::Error> {
        let level = i32::try_from(number).ok().filter(|level| COMPRESSION_LEVELS.contains(level));
        let (low, high) = COMPRESSION_LEVELS.into_inner();
        level.map(Self).ok_or_else(|| format!("{number} is out of range; write a level from {low} to {high}"))
    }
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "i64")]
struct ReadConcurrency(NonZeroUsize);

impl TryFrom<i64> for ReadConcurrency {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, Self::Error> {
        let files = usize::try_from(number).ok().filter(|files| *files <= READ_CONCURRENCY_MAX);
        let files = files.and_then(NonZeroUsize::new).map(Self);
        files.ok_or_else(|| {
            format!("{number} is out of range; write a number of files from 1 to {READ_CONCURRENCY_MAX}")
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "ByteSize")]
struct PackSize(u64);

impl TryFrom<ByteSize> for PackSize {
    type Error = String;

    fn try_from(ByteSize(bytes): ByteSize) -> Result<Self, Self::Error> {
        if PACK_BYTES_RANGE.contains(&bytes) {
            return Ok(Self(bytes));
        }
        let (low, high) = (PACK_BYTES_RANGE.start() >> 20, PACK_BYTES_RANGE.end() >> 20);
        Err(format!("{bytes} bytes is out of range; write a size from {low}MiB to {high}MiB"))
    }
}

/// A text with a unit, or a number of bytes.
#[derive(Debug)]
pub(crate) struct ByteSize(pub u64);

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = ByteSize;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a size such as \"64MiB\", or a number of bytes")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
                parse_byte_size(text).map(ByteSize).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<ByteSize, E> {
                let bytes = u64::try_from(number);
                bytes.map(ByteSize).map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
            }

            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ByteSize, E> {
                Ok(ByteSize(bytes))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
struct Tags(BTreeMap<String, String>);

impl TryFrom<BTreeMap<String, String>> for Tags {
    type Error = String;

    fn try_from(tags: BTreeMap<String, String>) -> Result<Self, Self::Error> {
        if tags.len() > TAGS_MAX {
            return Err(format!("there are {} tags; a snapshot can have at most {TAGS_MAX}", tags.len()));
        }
        for (key, value) in &tags {
            if key.is_empty() || key.contains('=') {
                return Err(format!("the key of a tag cannot be empty or contain =; {key:?} is not valid"));
            }
            if key.len().max(value.len()) > TAG_BYTES_MAX {
                return Err(format!("the key or value of a tag is longer than {TAG_BYTES_MAX} bytes"));
            }
        }
        Ok(Self(tags))
    }
}
