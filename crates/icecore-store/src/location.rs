//! Parses the location of a repository.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::PathBuf,
    str::FromStr,
};

/// Schemes that [`RepositoryLocation::parse`] understands, for messages.
pub const SUPPORTED_FORMS: &str = "/path, file:///path and s3://bucket/prefix";

/// Location of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RepositoryLocation {
    /// A directory of this host, absolute or relative to the working directory.
    Local(PathBuf),
    /// A prefix in a bucket of S3 or of a compatible server.
    S3 {
        /// Name of the bucket, or ARN of an access point.
        bucket: String,
        /// Prefix of all keys, without `/` at either end; empty for the whole bucket.
        prefix: String,
    },
}

/// Reason why a text is not a repository location.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// The text is empty.
    #[error("the repository's location is empty")]
    Empty,
    /// This build does not know the scheme.
    #[error("repositories at {scheme}:// are not supported by this build, only {SUPPORTED_FORMS}")]
    UnknownScheme {
        /// The text before `://`.
        scheme: String,
    },
    /// A path that looks like something else: a remote host, or a home directory that the shell did not
    /// expand.
    #[error("{text:?} looks like {like}; for a directory of that name write ./ before it")]
    Ambiguous {
        /// The text as given.
        text: String,
        /// What it looks like, with its article.
        like: &'static str,
    },
    /// A file URL names another host.
    #[error("file URLs are for this host only, not for {host:?}; write file:///path")]
    ForeignHost {
        /// Host of the URL.
        host: String,
    },
    /// A file URL has no absolute path.
    #[error("{text:?} has no absolute path; write file:///path")]
    NotAbsolute {
        /// The text as given.
        text: String,
    },
    /// A `%` is not followed by two hexadecimal digits.
    #[error("{text:?} has a % without two hexadecimal digits after it; write %25 for a %")]
    BadEscape {
        /// The text as given.
        text: String,
    },
    /// An S3 URL names no bucket, or an impossible one.
    #[error(
        "{text:?} does not name an S3 bucket; write s3://bucket/prefix with a bucket name of 3 to 63 lower-case letters, digits, dots and hyphens"
    )]
    NoBucket {
        /// The text as given.
        text: String,
    },
    /// An S3 URL names a kind of bucket that cannot hold a repository.
    #[error("{bucket:?} is {kind}, which is not supported; use {instead}")]
    UnsupportedBucket {
        /// The bucket as given.
        bucket: String,
        /// What it is, with its article.
        kind: &'static str,
        /// What to use instead.
        instead: &'static str,
    },
    /// The prefix of an S3 URL cannot be part of keys.
    #[error("{prefix:?} cannot be the prefix of a repository: {reason}")]
    BadPrefix {
        /// The prefix as given.
        prefix: String,
        /// Reason.
        reason: &'static str,
    },
    /// A zero byte, which no path can contain.
    #[error("{text:?} contains a zero byte")]
    ZeroByte {
        /// The text as given.
        text: String,
    },
}

impl RepositoryLocation {
    /// Parses `text`, a path or a URL. Paths need not be UTF-8.
    pub fn parse(text: &OsStr) -> Result<Self, LocationError> {
        let bytes = text.as_bytes();
        if bytes.is_empty() {
            return Err(LocationError::Empty);
        }
        if let Some(rest) = strip_file_scheme(bytes) {
            return parse_file_url(text, rest);
        }
        if bytes.contains(&0) {
            return Err(LocationError::ZeroByte { text: shown(text) });
        }
        if let Some(rest) = strip_s3_scheme(bytes) {
            return parse_s3_url(text, rest);
        }
        if let Some(scheme) = scheme_of(bytes) {
            return Err(LocationError::UnknownScheme { scheme });
        }
        let first_part = bytes.split(|byte| *byte == b'/').next().unwrap_or_default();
        if first_part.contains(&b':') {
            return Err(LocationError::Ambiguous { text: shown(text), like: "a URL or a remote host" });
        }
        if first_part.starts_with(b"~") {
            return Err(LocationError::Ambiguous { text: shown(text), like: "a home directory" });
        }
        Ok(Self::Local(PathBuf::from(text)))
    }
}

impl FromStr for RepositoryLocation {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        Self::parse(OsStr::new(text))
    }
}

impl fmt::Display for RepositoryLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(formatter),
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(formatter, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(formatter, "s3://{bucket}/{prefix}"),
        }
    }
}

fn shown(text: &OsStr) -> String {
    text.to_string_lossy().into_owned()
}

/// Returns the text after `file:`, in upper or lower case (RFC 3986, section 3.1).
fn strip_file_scheme(bytes: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = bytes.split_at_checked(5)?;
    (scheme.eq_ignore_ascii_case(b"file:") && rest.starts_with(b"/")).then_some(rest)
}

/// Returns the scheme if the text begins with `scheme://`.
fn scheme_of(bytes: &[u8]) -> Option<String> {
    let end = bytes.windows(3).position(|window| window == b"://")?;
    let scheme = &bytes[..end];
    let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    is_scheme.then(|| String::from_utf8_lossy(scheme).to_ascii_lowercase())
}

/// Parses the text after `file:`: `/path`, `///path` or `//localhost/path` (RFC 8089). A `?` or `#` is part
/// of the path.
fn parse_file_url(text: &OsStr, rest: &[u8]) -> Result<RepositoryLocation, LocationError> {
    let path = match rest.strip_prefix(b"//") {
        None => rest,
        Some(authority) => {
            let host_end = authority.iter().position(|byte| *byte == b'/').unwrap_or(authority.len());
            let (host, path) = authority.split_at(host_end);
            if !host.is_empty() && !host.eq_ignore_ascii_case(b"localhost") {
                return Err(LocationError::ForeignHost { host: String::from_utf8_lossy(host).into_owned() });
            }
            path
        }
    };
    if path.is_empty() {
        return Err(LocationError::NotAbsolute { text: shown(text) });
    }
    let decoded = decode_percent(path).ok_or_else(|| LocationError::BadEscape { text: shown(text) })?;
    if decoded.contains(&0) {
        return Err(LocationError::ZeroByte { text: shown(text) });
    }
    Ok(RepositoryLocation::Local(PathBuf::from(OsString::from_vec(decoded))))
}

/// Longest prefix of a repository in a bucket, in bytes; the rest of a key's 1,024 is for Icecore's own
/// names.
const PREFIX_BYTES_MAX: usize = 512;

fn strip_s3_scheme(bytes: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = bytes.split_at_checked(5)?;
    scheme.eq_ignore_ascii_case(b"s3://").then_some(rest)
}

/// Parses the text after `s3://`: `bucket`, `bucket/` or `bucket/prefix`, taken literally.
fn parse_s3_url(text: &OsStr, rest: &[u8]) -> Result<RepositoryLocation, LocationError> {
    let no_bucket = || LocationError::NoBucket { text: shown(text) };
    let rest = str::from_utf8(rest).map_err(|_| no_bucket())?;
    let (bucket, prefix) = split_bucket(rest);
    refuse_other_kinds(bucket)?;
    if !is_bucket_name(bucket) && !is_access_point(bucket) {
        return Err(no_bucket());
    }
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let bad = |reason| LocationError::BadPrefix { prefix: prefix.to_owned(), reason };
    if prefix.len() > PREFIX_BYTES_MAX {
        return Err(bad("it is longer than 512 bytes"));
    }
    if prefix.chars().any(char::is_control) {
        return Err(bad("it contains a control character"));
    }
    if !prefix.is_empty() && prefix.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(bad("a part of it is empty, . or .."));
    }
    Ok(RepositoryLocation::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
}

/// Splits the text after `s3://` after the bucket, or after the ARN of an access point, which contains a `/`
/// itself.
fn split_bucket(rest: &str) -> (&str, &str) {
    let name_start = match rest.find(":accesspoint/") {
        Some(position) if rest.starts_with("arn:") => position + ":accesspoint/".len(),
        _ => 0,
    };
    match rest[name_start..].find('/') {
        Some(length) => (&rest[..name_start + length], &rest[name_start + length + 1..]),
        None => (rest, ""),
    }
}

/// Refuses buckets that list in another order, need other requests or lie in several regions (S3 User Guide,
/// *Directory bucket naming rules*, *Multi-Region Access Points*).
fn refuse_other_kinds(bucket: &str) -> Result<(), LocationError> {
    let is_express =
        bucket.ends_with("--x-s3") || bucket.ends_with("--xa-s3") || bucket.contains(":s3express:");
    let is_multi_region = bucket.rsplit_once('.').is_some_and(|(_, end)| end == "mrap")
        || bucket.starts_with("arn:") && bucket.contains(":s3::");
    let (kind, instead) = if is_express {
        ("a directory bucket of S3 Express One Zone", "a general purpose bucket")
    } else if is_multi_region {
        ("a multi-region access point", "a bucket, or the access point of one region")
    } else {
        return Ok(());
    };
    Err(LocationError::UnsupportedBucket { bucket: bucket.to_owned(), kind, instead })
}

/// Returns whether a text has the form `arn:aws:s3:region:account:accesspoint/name`, for any partition.
fn is_access_point(text: &str) -> bool {
    let is_word = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, "s3", region, account, resource] = parts[..] else { return false };
    let Some(name) = resource.strip_prefix("accesspoint/") else { return false };
    arn == "arn"
        && [partition, region, name].iter().all(|part| !part.is_empty() && is_word(part))
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns whether this is a possible bucket name of S3 (S3 User Guide, *General purpose bucket naming
/// rules*).
fn is_bucket_name(name: &str) -> bool {
    let is_inner =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    let is_end =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| is_inner(*byte))
        && is_end(bytes.first())
        && is_end(bytes.last())
        && !name.contains("..")
}

fn decode_percent(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(&byte) = rest.next() {
        if byte == b'%' {
            decoded.push(hex_digit(*rest.next()?)? << 4 | hex_digit(*rest.next()?)?);
        } else {
            decoded.push(byte);
        }
    }
    Some(decoded)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests;
