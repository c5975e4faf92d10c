//! Reads objects: a body that breaks off is continued where it ended, and the whole is verified.

use std::{
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError, atomic::Ordering},
};

use aws_sdk_s3::{
    Client,
    operation::{RequestId, get_object::GetObjectOutput},
    types::{ChecksumMode, ServerSideEncryption},
};
use bytes::{Bytes, BytesMut};
use icecore_store::{StoreError, StoreResult, Version};

use crate::{
    action::Action,
    answer::required_etag,
    checksum::{crc64_nvme, etag_contradicts, told_crc64},
    failure::ServiceFailure,
    requester::{Failed, Operation},
    store::S3Store,
};

/// Longest object that can have been written: no more is reserved at once, even if a server claims a longer
/// object.
const RESERVED_BYTES_MAX: u64 = 256 << 20;

/// The bytes received so far.
#[derive(Debug, Default)]
struct Partial {
    bytes: BytesMut,
    /// State of the object whose bytes these are.
    version: Option<String>,
    /// CRC64NVME of the whole object, if the server sent it.
    checksum: Option<String>,
    /// The bytes should be the whole object, and its `ETag` is the MD5 of them.
    has_md5: bool,
    /// The bytes of the previous attempt, if they did not match the `ETag`.
    doubted: Option<Bytes>,
}

impl Partial {
    /// Discards the received bytes.
    fn begin_again(&mut self) {
        *self = Self { doubted: self.doubted.take(), ..Self::default() };
    }
}

impl S3Store {
    /// Returns the bytes of an object, or those of `range`, and its state.
    pub(crate) async fn read(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<(Bytes, Version)> {
        // The length of an object fits into 63 bits, and servers do not accept larger offsets.
        if range.as_ref().is_some_and(|range| range.is_empty() || range.start > i64::MAX as u64) {
            return Err(self.outside(key, range.unwrap_or_default()).await);
        }
        let partial = Mutex::new(Partial::default());
        let call = |client| self.read_once(client, key, range.as_ref(), &partial);
        let result = self.requester.request(Operation::new(Action::Get, key), call).await;
        match (result, range) {
            (Ok(version), _) => {
                let partial = partial.into_inner().unwrap_or_else(PoisonError::into_inner);
                Ok((partial.bytes.freeze(), version))
            }
            (Err(Failed { failure, .. }), Some(range)) if failure.status == 416 => {
                Err(self.outside(key, range).await)
            }
            (Err(failed), _) => Err(failed.into()),
        }
    }

    /// Returns the error of a range that lies outside of the object.
    async fn outside(&self, key: &str, range: Range<u64>) -> StoreError {
        match self.look(key).await {
            Ok(looked) => StoreError::InvalidRange {
                key: key.to_owned(),
                size: looked.info.size,
                start: range.start,
                end: range.end,
            },
            Err(error) => error,
        }
    }

    /// Makes one request for the missing bytes.
    async fn read_once(
        &self,
        client: Client,
        key: &str,
        range: Option<&Range<u64>>,
        partial: &Mutex<Partial>,
    ) -> Result<Version, ServiceFailure> {
        let lock = || partial.lock().unwrap_or_else(PoisonError::into_inner);
        let (had, version) = {
            let partial = lock();
            (partial.bytes.len() as u64, partial.version.clone())
        };
        let header = match range {
            Some(range) => {
                Some(format!("bytes={}-{}", range.start + had, (range.end - 1).min(i64::MAX as u64)))
            }
            None if had > 0 => Some(format!("bytes={had}-")),
            None => None,
        };
        let asks_checksum = header.is_none() && self.options.has_checksums;
        let request = client
            .get_object()
            .bucket(&self.location.bucket)
            .key(self.location.full_key(key))
            .set_if_match(version.filter(|_| had > 0).map(|etag| self.sent_etag(&etag)))
            .set_checksum_mode(asks_checksum.then_some(ChecksumMode::Enabled))
            .set_range(header);
        let output = match request.send().await.map_err(ServiceFailure::from) {
            Ok(output) => output,
            Err(failure) => {
                if had > 0 && failure.is_condition_failed() {
                    // Somebody replaced the object: the bytes received so far are useless.
                    lock().begin_again();
                    return Err(ServiceFailure::broken("the object was replaced while it was read"));
                }
                return Err(failure);
            }
        };
        self.receive(output, had == 0, &lock).await
    }

    /// Receives a body, and verifies the object when it is complete.
    async fn receive<'partial>(
        &self,
        mut output: GetObjectOutput,
        is_first: bool,
        lock: &(impl Fn() -> MutexGuard<'partial, Partial> + Sync),
    ) -> Result<Version, ServiceFailure> {
        let expected = output.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
        if is_page(output.content_type()) && output.request_id().is_none() {
            return Err(ServiceFailure::foreign("HTTP status 200 with a web page"));
        }
        let etag = required_etag(output.e_tag())?;
        if let Some(metadata) = output.metadata() {
            self.learn_from(metadata);
        }
        if is_first {
            let mut partial = lock();
            partial.version = Some(etag.clone());
            partial.has_md5 = self.has_md5(&output, expected);
            partial.checksum = told_crc64(output.checksum_crc64_nvme()).map(str::to_owned);
            partial.bytes.reserve(expected.min(RESERVED_BYTES_MAX) as usize);
        }
        let class = output.storage_class().map_or("STANDARD", |class| class.as_str()).to_owned();
        let mut received = 0;
        let outcome = loop {
            match output.body.try_next().await {
                Ok(Some(piece)) => {
                    received += piece.len() as u64;
                    self.requester.count_received(&class, piece.len() as u64);
                    lock().bytes.extend_from_slice(&piece);
                }
                Ok(None) if received < expected => break Err("the connection ended too early".to_owned()),
                Ok(None) => break Ok(()),
                // Everything has arrived, so it does not matter how the connection ends.
                Err(_) if expected > 0 && received == expected => break Ok(()),
                Err(error) => break Err(error.to_string()),
            }
        };
        outcome.map_err(ServiceFailure::broken)?;
        self.verify(&mut lock(), &etag)?;
        Ok(Version(etag))
    }

    /// Returns whether the `ETag` of an answer should be the MD5 of its bytes: only keys of S3 encrypt the
    /// object, and the answer contains all of it.
    fn has_md5(&self, output: &GetObjectOutput, length: u64) -> bool {
        let has_own_key = matches!(
            output.server_side_encryption(),
            Some(ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse)
        );
        let is_whole = output
            .content_range()
            .is_none_or(|range| range.starts_with("bytes 0-") && range.ends_with(&format!("/{length}")));
        is_whole && !has_own_key && !self.has_other_etags.load(Ordering::Relaxed)
    }

    /// Compares an object with the checksum that the server reports. Bytes that were damaged in transit are
    /// fetched again. If the same bytes arrive a second time, they are accepted, because some servers do not
    /// derive the `ETag` from the bytes alone.
    fn verify(&self, partial: &mut Partial, etag: &str) -> Result<(), ServiceFailure> {
        let damaged = || ServiceFailure::broken("the received bytes differ from the stored bytes");
        match &partial.checksum {
            Some(told) if *told == crc64_nvme(&partial.bytes) => return Ok(()),
            Some(_) => {
                partial.begin_again();
                return Err(damaged());
            }
            None => {}
        }
        if !partial.has_md5 || !etag_contradicts(etag, &partial.bytes) {
            return Ok(());
        }
        if partial.doubted.as_ref().is_some_and(|earlier| *earlier == partial.bytes) {
            self.has_other_etags.store(true, Ordering::Relaxed);
            return Ok(());
        }
        partial.doubted = Some(partial.bytes.split().freeze());
        partial.begin_again();
        Err(damaged())
    }
}

fn is_page(content_type: Option<&str>) -> bool {
    content_type.is_some_and(|content_type| content_type.starts_with("text/html"))
}
