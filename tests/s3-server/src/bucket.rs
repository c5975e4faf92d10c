//! The state of the server.

use std::{
    collections::{BTreeMap, HashMap},
    time::SystemTime,
};

use bytes::Bytes;
use md5::{Digest, Md5};
use s3s::dto::ETagCondition;

/// An object, as it was written.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) bytes: Bytes,
    pub(crate) etag: String,
    pub(crate) crc64: u64,
    pub(crate) modified: SystemTime,
    pub(crate) headers: Headers,
    /// Archive tier of Intelligent-Tiering, if the object is in one.
    pub(crate) archive_tier: Option<String>,
    /// Whether a copy of the archived object can be read for some days.
    pub(crate) is_thawed: bool,
}

impl Stored {
    /// Returns storage class and archive tier, if the object cannot be read at once.
    pub(crate) fn archive(&self) -> Option<(String, Option<String>)> {
        let class = self.headers.storage_class.clone()?;
        let is_cold = matches!(class.as_str(), "GLACIER" | "DEEP_ARCHIVE") || self.archive_tier.is_some();
        (is_cold && !self.is_thawed).then(|| (class, self.archive_tier.clone()))
    }
}

/// Properties that a client sets for an object, besides its bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers {
    pub(crate) storage_class: Option<String>,
    pub(crate) encryption: Option<String>,
    pub(crate) kms_key: Option<String>,
    pub(crate) metadata: HashMap<String, String>,
}

/// A multipart upload that is not complete.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) key: String,
    pub(crate) begun: SystemTime,
    pub(crate) headers: Headers,
    /// Bytes and `ETag` by number.
    pub(crate) parts: BTreeMap<i32, (Bytes, String)>,
}

/// A bucket. Mutable access is exclusive, so a condition and the change that depends on it are one step.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    pub(crate) objects: BTreeMap<String, Stored>,
    pub(crate) uploads: BTreeMap<String, Upload>,
    /// XML within `<Rule>` of the only lifecycle rule.
    pub(crate) lifecycle: Option<String>,
    /// Number of the latest state of any object; used in each `ETag` that is not a hash.
    states: u64,
}

/// Result of a condition on the present object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Holds,
    /// There is no object, and the condition names a state.
    NoSuchKey,
    Failed,
}

impl Bucket {
    /// Judges the conditions of a request on `key`.
    pub(crate) fn judge(
        &self,
        key: &str,
        if_match: Option<&ETagCondition>,
        if_none_match: Option<&ETagCondition>,
    ) -> Verdict {
        let present = self.objects.get(key);
        let names = |condition: &ETagCondition, object: &Stored| {
            condition.as_etag().is_none_or(|etag| etag.value() == object.etag)
        };
        match (if_match, if_none_match, present) {
            (Some(_), _, None) => Verdict::NoSuchKey,
            (Some(condition), _, Some(object)) if !names(condition, object) => Verdict::Failed,
            (_, Some(condition), Some(object)) if names(condition, object) => Verdict::Failed,
            _ => Verdict::Holds,
        }
    }

    /// Returns the `ETag` for bytes: their MD5, or a number that no other state has.
    pub(crate) fn next_etag(&mut self, bytes: &[u8], is_md5: bool) -> String {
        self.states += 1;
        if is_md5 { hex(&Md5::digest(bytes)) } else { format!("state-{}", self.states) }
    }

    /// Starts a multipart upload and returns its id.
    pub(crate) fn begin_upload(&mut self, upload: Upload) -> String {
        self.states += 1;
        let id = format!("upload-{}", self.states);
        self.uploads.insert(id.clone(), upload);
        id
    }
}

/// Returns a length as in answers of S3.
pub(crate) fn length_of(bytes: &Bytes) -> i64 {
    i64::try_from(bytes.len()).unwrap_or(i64::MAX)
}

/// Returns the checksum that S3 calls CRC64NVME.
pub(crate) fn crc64(bytes: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}
