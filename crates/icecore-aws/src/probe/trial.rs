//! Tries all kinds of reads, and requests that a writer should not be allowed to make, on one object.

use std::ops::Range;

use aws_sdk_s3::{Client, primitives::ByteStream};
use bytes::Bytes;
use icecore_store::{PutCondition, Store, StoreError, StoreResult, Version};

use super::{
    error::ProbeError,
    object::{delete_probe, probe_key},
};
use crate::{
    action::Action, checksum::BodyChecksum, failure::ServiceFailure, requester::Operation, store::S3Store,
};

/// Length of the object.
const CONTENT_BYTES: u8 = 64;
/// Ranges to read, and their descriptions.
const READS: [(&str, Option<Range<u64>>); 4] = [
    ("a whole object", None),
    ("a range within an object", Some(16..32)),
    ("a range up to the end of an object", Some(48..64)),
    ("a range that ends past the end of an object", Some(48..1 << 20)),
];

/// What a server supports, and what it allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Reads that the server refuses or answers wrongly; each text fits after "the server".
    pub wrong_reads: Vec<String>,
    /// A request without a condition can overwrite an object.
    pub overwrites: bool,
    /// An object can be deleted.
    pub deletes: bool,
}

/// Tries reads, an overwriting put and a deletion on its own object below `probe/`. If the object cannot be
/// deleted, it is left behind.
pub async fn try_requests(store: &S3Store) -> StoreResult<Trial> {
    let directory = format!("{}/", probe_key(store, "-trial"));
    let key = format!("{directory}object");
    let content: Bytes = (0..CONTENT_BYTES).collect();
    let version = store.put(&key, content.clone(), PutCondition::Absent).await?;
    let wrong_reads = try_reads(store, &directory, &key, &content, &version).await;
    let overwrites = is_allowed(overwrite(store, &key, Bytes::from_static(b"overwritten")).await);
    let deletes = is_allowed(store.delete(&key, None).await);
    Ok(Trial { wrong_reads: wrong_reads?, overwrites: overwrites?, deletes: deletes? })
}

/// Fails if the server does not read in the way that every repository needs.
pub async fn require_reads(store: &S3Store) -> Result<(), ProbeError> {
    let Trial { wrong_reads, .. } = try_requests(store).await?;
    if wrong_reads.is_empty() {
        return Ok(());
    }
    Err(ProbeError::WrongReads { location: store.location(), wrong: wrong_reads.join("; it ") })
}

/// Finds out whether a probe of conditions failed because the server refuses conditional requests, and not
/// because it refuses all puts.
pub async fn explain_probe_error(store: &S3Store, error: StoreError) -> ProbeError {
    let (StoreError::Unsupported { reason, .. } | StoreError::Refused { reason, .. }) = &error else {
        return error.into();
    };
    let key = probe_key(store, "-plain");
    if overwrite(store, &key, Bytes::from_static(b"plain")).await.is_err() {
        return error.into();
    }
    let ignored = format!("refuses conditional requests ({reason})");
    delete_probe(store, &key).await;
    ProbeError::NotHonoured { location: store.location(), ignored }
}

/// Returns whether a request was allowed; `false` if a policy forbids it.
fn is_allowed(result: StoreResult<()>) -> StoreResult<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(StoreError::NotPermitted { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Writes an object without a condition.
async fn overwrite(store: &S3Store, key: &str, bytes: Bytes) -> StoreResult<()> {
    let checksum = BodyChecksum::of(&bytes, store.options.has_checksums);
    let call = |client: Client| {
        let request = client
            .put_object()
            .bucket(&store.location.bucket)
            .key(store.location.full_key(key))
            .body(ByteStream::from(bytes.clone()))
            .set_checksum_algorithm(checksum.algorithm())
            .set_checksum_crc64_nvme(checksum.crc64().map(str::to_owned))
            .set_content_md5(checksum.md5().map(str::to_owned));
        async { request.send().await.map(drop).map_err(ServiceFailure::from) }
    };
    let operation = Operation::new(Action::Put, key).sending(bytes.len() as u64);
    Ok(store.requester.request(operation, call).await?)
}

/// Reads an object, the only one in its directory, in all the ways that a repository needs, and returns the
/// problems.
async fn try_reads(
    store: &S3Store,
    directory: &str,
    key: &str,
    content: &Bytes,
    version: &Version,
) -> StoreResult<Vec<String>> {
    let mut wrong = Vec::new();
    for (name, range) in READS {
        let (start, end) = range.as_ref().map_or((0, u64::MAX), |range| (range.start, range.end));
        let expected = content.slice(start as usize..content.len().min(end as usize));
        wrong.extend(judge(name, store.get(key, range).await, |read| *read == expected)?);
    }
    let outside = store.get(key, Some(content.len() as u64..content.len() as u64 + 1)).await;
    match outside {
        Err(StoreError::InvalidRange { .. }) => {}
        outside => {
            wrong.extend(judge("a range that begins past the end of an object", outside, |_| false)?);
        }
    }
    let read = store.get_versioned(key).await;
    wrong.extend(judge("the version of an object", read, |(_, read)| read == version)?);
    let is_same =
        |info: &icecore_store::ObjectInfo| info.size == content.len() as u64 && info.version == *version;
    wrong.extend(judge("the metadata of an object (HEAD)", store.head(key).await, is_same)?);
    let listed = store.list(directory).await;
    wrong.extend(judge("a listing", listed, |listed| listed.len() == 1 && listed.iter().all(is_same))?);
    let missing = format!("{key}-missing");
    match store.get(&missing, None).await {
        Err(StoreError::NotFound { .. }) => {}
        missing => wrong.extend(judge("a missing object", missing, |_| false)?),
    }
    Ok(wrong)
}

/// Returns the problem of an answer; errors that are unrelated to the kind of the request are passed on.
fn judge<T>(
    name: &str,
    answer: StoreResult<T>,
    is_right: impl FnOnce(&T) -> bool,
) -> StoreResult<Option<String>> {
    match answer {
        Ok(answer) if is_right(&answer) => Ok(None),
        Ok(_) => Ok(Some(format!("gives a wrong answer to a request for {name}"))),
        Err(error @ (StoreError::Unreachable { .. } | StoreError::CredentialsRefused { .. })) => Err(error),
        Err(error) if error.is_transient() => Err(error),
        Err(error) => Ok(Some(format!("refuses a request for {name}: {error}"))),
    }
}
