//! Writes objects conditionally, and finds the outcome of puts whose answer was lost.

use std::{sync::atomic::Ordering, time::Duration};

use aws_sdk_s3::{
    Client,
    primitives::ByteStream,
    types::{ServerSideEncryption, StorageClass},
};
use bytes::Bytes;
use icecore_store::{PutCondition, StoreError, StoreResult, Version};

use crate::{
    action::Action,
    answer::required_etag,
    checksum::{BodyChecksum, etag_contradicts, hex, told_crc64},
    failure::ServiceFailure,
    metadata::PUT_NAME,
    options::{DATA_PREFIX, Encryption, Parts},
    requester::{Failed, Operation},
    store::S3Store,
};

/// Maximum number of times that a put starts again after another writer's request for the same key, or after
/// the server stored bytes other than those sent.
const RESTARTS_MAX: u32 = 3;

/// A put: the parts that are the same in all of its requests.
#[derive(Clone, Debug)]
pub(crate) struct Put<'put> {
    pub(crate) key: &'put str,
    pub(crate) bytes: Bytes,
    pub(crate) condition: PutCondition,
    /// Name of the put in the metadata of the object; unique.
    pub(crate) name: String,
    pub(crate) checksum: BodyChecksum,
}

/// Headers of a put that do not depend on how the object is uploaded.
#[derive(Clone, Debug)]
pub(crate) struct PutHeaders {
    pub(crate) storage_class: Option<StorageClass>,
    pub(crate) encryption: Option<ServerSideEncryption>,
    pub(crate) kms_key: Option<String>,
    pub(crate) metadata: std::collections::HashMap<String, String>,
}

impl S3Store {
    /// Writes a whole object if the condition holds.
    pub(crate) async fn write(
        &self,
        key: &str,
        bytes: Bytes,
        condition: PutCondition,
    ) -> StoreResult<Version> {
        if self.is_single_writer() {
            self.look_before(key, &condition).await?;
        }
        let put = self.named_put(key, bytes, condition);
        let mut restarts = 0;
        loop {
            let result = if self.goes_in_parts(&put) {
                self.put_in_parts(&put).await
            } else {
                self.put_timed(&put).await
            };
            let Failed { failure, error } = match result {
                Ok(version) => return Ok(version),
                Err(failed) => failed,
            };
            let may_restart = restarts < RESTARTS_MAX;
            restarts += 1;
            if failure.is_condition_failed() || (failure.is_not_found() && put.is_replacing()) {
                match self.resolve(&put).await? {
                    Resolution::Done(version) => return Ok(version),
                    Resolution::Again if may_restart => {}
                    _ => return Err(put.refused()),
                }
            } else if !(failure.is_conflict() && may_restart) {
                return Err(error);
            }
        }
    }

    fn named_put<'put>(&self, key: &'put str, bytes: Bytes, condition: PutCondition) -> Put<'put> {
        let mut name = [0; 16];
        self.environment.entropy.fill(&mut name);
        let checksum = BodyChecksum::of(&bytes, self.options.has_checksums);
        Put { key, checksum, bytes, condition, name: hex(&name) }
    }

    /// Writes a whole object if the condition holds; otherwise returns nothing, without checking the object.
    /// If the caller must know whether an earlier attempt succeeded and only its answer was lost, it must
    /// check the object.
    pub(crate) async fn put_unresolved(
        &self,
        key: &str,
        bytes: Bytes,
        condition: PutCondition,
    ) -> StoreResult<Option<Version>> {
        let put = self.named_put(key, bytes, condition);
        let mut restarts = 0;
        loop {
            match self.put_whole(&put).await {
                Ok(version) => return Ok(Some(version)),
                Err(Failed { failure, .. }) if failure.is_condition_failed() => return Ok(None),
                Err(Failed { failure, .. }) if failure.is_conflict() && restarts < RESTARTS_MAX => {
                    restarts += 1;
                }
                Err(failed) => return Err(failed.into()),
            }
        }
    }

    /// Returns whether an object is uploaded in parts: a large one below `data/`, if one connection is too
    /// slow for it.
    fn goes_in_parts(&self, put: &Put<'_>) -> bool {
        self.may_go_in_parts(put) && (self.options.parts == Parts::Always || self.has_slow_connections())
    }

    /// Returns whether an object may be uploaded in parts: a large one below `data/`, whose name nobody else
    /// ever uses. Several writers may write all other objects at the same time, and not all servers honour
    /// the condition of an upload in parts.
    fn may_go_in_parts(&self, put: &Put<'_>) -> bool {
        put.key.starts_with(DATA_PREFIX) && put.bytes.len() as u64 > self.options.multipart_above_bytes
    }

    /// Writes a whole object. A large one shows the speed of one connection, including failed attempts.
    async fn put_timed(&self, put: &Put<'_>) -> Result<Version, Failed> {
        let begun = self.environment.clock.monotonic();
        let result = self.put_whole(put).await;
        if let Parts::BelowSpeed { bytes_per_second } = self.options.parts
            && self.may_go_in_parts(put)
        {
            let taken = self.environment.clock.monotonic().saturating_sub(begun);
            let enough = Duration::from_secs_f64(put.bytes.len() as f64 / bytes_per_second.max(1) as f64);
            if taken > enough {
                self.is_slow.store(true, Ordering::Relaxed);
            }
        }
        result
    }

    /// Checks the condition before the write, for servers that do not honour it.
    async fn look_before(&self, key: &str, condition: &PutCondition) -> StoreResult<()> {
        let present = match self.look(key).await {
            Ok(looked) => Some(looked.info.version),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        match (condition, present) {
            (PutCondition::Absent, None) => Ok(()),
            (PutCondition::Absent, Some(_)) => Err(StoreError::AlreadyExists { key: key.to_owned() }),
            (PutCondition::Version(wanted), Some(present)) if *wanted == present => Ok(()),
            (PutCondition::Version(_), _) => Err(StoreError::VersionMismatch { key: key.to_owned() }),
        }
    }

    async fn put_whole(&self, put: &Put<'_>) -> Result<Version, Failed> {
        let headers = self.headers(put);
        let operation = Operation::new(Action::Put, put.key).sending(put.bytes.len() as u64);
        self.requester.request(operation, |client| self.put_once(client, put, &headers)).await
    }

    async fn put_once(
        &self,
        client: Client,
        put: &Put<'_>,
        headers: &PutHeaders,
    ) -> Result<Version, ServiceFailure> {
        let (if_none_match, if_match) = self.conditions(&put.condition);
        let request = client
            .put_object()
            .bucket(&self.location.bucket)
            .key(self.location.full_key(put.key))
            .body(ByteStream::from(put.bytes.clone()))
            // A bucket with object lock and a default retention requires it.
            .set_checksum_algorithm(put.checksum.algorithm())
            .set_checksum_crc64_nvme(put.checksum.crc64().map(str::to_owned))
            .set_content_md5(put.checksum.md5().map(str::to_owned))
            .set_if_none_match(if_none_match)
            .set_if_match(if_match)
            .set_storage_class(headers.storage_class.clone())
            .set_server_side_encryption(headers.encryption.clone())
            .set_ssekms_key_id(headers.kms_key.clone())
            .set_metadata(Some(headers.metadata.clone()));
        let sent = if self.may_skip_signing() {
            request.customize().disable_payload_signing().send().await
        } else {
            request.send().await
        };
        let output = sent.map_err(ServiceFailure::from)?;
        let etag = required_etag(output.e_tag())?;
        let is_right = match told_crc64(output.checksum_crc64_nvme()) {
            Some(told) => !put.checksum.is_contradicted(Some(told)),
            // Older servers do not support the checksum; their `ETag` is the MD5, unless KMS encrypts.
            None => output.ssekms_key_id().is_some() || !etag_contradicts(&etag, &put.bytes),
        };
        if is_right {
            return Ok(Version(etag));
        }
        self.take_back(put.key, &etag).await;
        Err(ServiceFailure::broken("the server did not store the bytes that were sent"))
    }

    /// Deletes an object that the server stored wrongly, if possible: a failed put leaves no object.
    async fn take_back(&self, key: &str, etag: &str) {
        let call = |client: Client| {
            let request =
                client.delete_object().bucket(&self.location.bucket).key(self.location.full_key(key));
            async { request.send().await.map_err(ServiceFailure::from) }
        };
        if let Err(error) = self.requester.request_once(Operation::new(Action::Delete, key), call).await {
            tracing::warn!(key, etag, reason = error.message, "failed to delete a wrongly stored object");
        }
    }

    /// Returns the values of If-None-Match and If-Match.
    pub(crate) fn conditions(&self, condition: &PutCondition) -> (Option<String>, Option<String>) {
        match condition {
            // A server that ignores conditions might also refuse them.
            _ if self.is_single_writer() => (None, None),
            PutCondition::Absent => (Some("*".to_owned()), None),
            PutCondition::Version(Version(etag)) => (None, Some(self.sent_etag(etag))),
        }
    }

    /// Returns an `ETag` in the form that the server expects: in quotes, as in the standard, or without them
    /// for some older servers.
    pub(crate) fn sent_etag(&self, etag: &str) -> String {
        if self.has_bare_etags.load(Ordering::Relaxed) { etag.to_owned() } else { format!("\"{etag}\"") }
    }

    pub(crate) fn headers(&self, put: &Put<'_>) -> PutHeaders {
        let class = self.options.storage_class(put.key);
        let storage_class = (class.as_str() != "STANDARD").then(|| StorageClass::from(class.as_str()));
        let (encryption, kms_key) = match &self.options.encryption {
            Encryption::BucketDefault => (None, None),
            Encryption::S3 => (Some(ServerSideEncryption::Aes256), None),
            Encryption::Kms { key } => (Some(ServerSideEncryption::AwsKms), key.clone()),
        };
        let named = [(PUT_NAME, put.name.as_str())].into_iter().chain(self.writer_metadata());
        let metadata = named.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        PutHeaders { storage_class, encryption, kms_key, metadata }
    }

    /// Finds out why a condition failed: an earlier attempt of the same put may have succeeded, and its
    /// answer was lost.
    async fn resolve(&self, put: &Put<'_>) -> StoreResult<Resolution> {
        let looked = match self.look(put.key).await {
            Ok(looked) => looked,
            // Another writer created and deleted the object meanwhile, or removed the upload before it was
            // complete.
            Err(error) if error.is_not_found() && !put.is_replacing() => return Ok(Resolution::Again),
            Err(error) if error.is_not_found() => return Ok(Resolution::Refused),
            Err(error) => return Err(error),
        };
        match &looked.put_name {
            Some(name) if *name == put.name => return Ok(Resolution::Done(looked.info.version)),
            // The server does not store metadata, so the bytes must decide.
            None if looked.info.size == put.bytes.len() as u64 => {
                let (stored, version) = self.read(put.key, None).await?;
                if stored == put.bytes {
                    return Ok(Resolution::Done(version));
                }
            }
            _ => {}
        }
        // The object is in exactly the named state, but the server denies it: some older ones compare the
        // `ETag` without its quotes.
        if put.condition == PutCondition::Version(looked.info.version)
            && !self.has_bare_etags.swap(true, Ordering::Relaxed)
        {
            return Ok(Resolution::Again);
        }
        Ok(Resolution::Refused)
    }
}

/// Result of checking the object after a failed condition.
enum Resolution {
    /// The put succeeded.
    Done(Version),
    /// The put must be repeated: the obstacle is gone, or the server expects the `ETag` without quotes.
    Again,
    /// Another writer was first.
    Refused,
}

impl Put<'_> {
    fn is_replacing(&self) -> bool {
        matches!(self.condition, PutCondition::Version(_))
    }

    /// Returns the error of a condition that does not hold.
    fn refused(&self) -> StoreError {
        let key = self.key.to_owned();
        match self.condition {
            PutCondition::Absent => StoreError::AlreadyExists { key },
            PutCondition::Version(_) => StoreError::VersionMismatch { key },
        }
    }
}
