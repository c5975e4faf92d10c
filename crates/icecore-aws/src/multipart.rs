//! Uploads large objects in parts: several connections for one object, and only failed parts are sent again.

use std::sync::atomic::Ordering;

use aws_sdk_s3::{
    Client,
    primitives::ByteStream,
    types::{ChecksumType, CompletedMultipartUpload, CompletedPart},
};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use icecore_store::{PutCondition, StoreError, Version};

use crate::{
    action::Action,
    answer::bare_etag,
    checksum::{BodyChecksum, told_crc64},
    failure::ServiceFailure,
    requester::{Effort, Failed, Operation},
    store::S3Store,
    write::Put,
};

/// Most parts of an object, which are all uploaded at once. Each costs a request, and one connection moves at
/// most about 90 MB/s (S3 User Guide, *Performance design patterns*), often much less.
const PARTS_MAX: u64 = 8;

/// Returns the failure of a put that could not check the existing object.
fn look_failed(error: StoreError) -> Failed {
    Failed { failure: ServiceFailure::connection(error.to_string()), error }
}

impl S3Store {
    /// Writes an object in parts; removes the uploaded parts of a failed put.
    pub(crate) async fn put_in_parts(&self, put: &Put<'_>) -> Result<Version, Failed> {
        // Cheaper than uploading everything first, and some servers only honour the condition on whole puts.
        if put.condition == PutCondition::Absent {
            match self.look(put.key).await {
                Err(StoreError::NotFound { .. }) => {}
                Err(error) => return Err(look_failed(error)),
                Ok(_) => return Err(condition_failed(put)),
            }
        }
        self.has_uploaded_in_parts.store(true, Ordering::Relaxed);
        let upload = self.begin_upload(put).await?;
        let result = match self.upload_parts(put, &upload).await {
            Ok(parts) => self.complete_upload(put, &upload, parts).await,
            Err(failed) => Err(failed),
        };
        if result.is_err() {
            self.abort_upload(put.key, &upload).await;
        }
        result
    }

    async fn begin_upload(&self, put: &Put<'_>) -> Result<String, Failed> {
        let headers = self.headers(put);
        let call = |client: Client| {
            let request = client
                .create_multipart_upload()
                .bucket(&self.location.bucket)
                .key(self.location.full_key(put.key))
                .set_checksum_algorithm(put.checksum.algorithm())
                .set_checksum_type(put.checksum.crc64().map(|_| ChecksumType::FullObject))
                .set_storage_class(headers.storage_class.clone())
                .set_server_side_encryption(headers.encryption.clone())
                .set_ssekms_key_id(headers.kms_key.clone())
                .set_metadata(Some(headers.metadata.clone()));
            async {
                let output = request.send().await.map_err(ServiceFailure::from)?;
                output
                    .upload_id()
                    .map(str::to_owned)
                    .ok_or_else(|| ServiceFailure::broken("the server returned no upload id"))
            }
        };
        self.requester.request(Operation::new(Action::CreateUpload, put.key), call).await
    }

    async fn upload_parts(&self, put: &Put<'_>, upload: &str) -> Result<Vec<CompletedPart>, Failed> {
        let size = put.bytes.len() as u64;
        let part_bytes = self.options.part_bytes_min.max(size.div_ceil(PARTS_MAX)).max(1);
        let parts = (0..size.div_ceil(part_bytes)).map(|part| {
            let (start, end) = (part * part_bytes, ((part + 1) * part_bytes).min(size));
            let bytes = put.bytes.slice(start as usize..end as usize);
            self.upload_part(put.key, upload, part as i32 + 1, bytes)
        });
        stream::iter(parts).buffered(PARTS_MAX as usize).try_collect().await
    }

    async fn upload_part(
        &self,
        key: &str,
        upload: &str,
        number: i32,
        bytes: Bytes,
    ) -> Result<CompletedPart, Failed> {
        let checksum = &BodyChecksum::of(&bytes, self.options.has_checksums);
        let call = |client: Client| {
            let request = client
                .upload_part()
                .bucket(&self.location.bucket)
                .key(self.location.full_key(key))
                .upload_id(upload)
                .part_number(number)
                .set_checksum_algorithm(checksum.algorithm())
                .set_checksum_crc64_nvme(checksum.crc64().map(str::to_owned))
                .set_content_md5(checksum.md5().map(str::to_owned))
                .body(ByteStream::from(bytes.clone()));
            async move {
                let sent = if self.may_skip_signing() {
                    request.customize().disable_payload_signing().send().await
                } else {
                    request.send().await
                };
                let output = sent.map_err(ServiceFailure::from)?;
                if checksum.is_contradicted(told_crc64(output.checksum_crc64_nvme())) {
                    return Err(ServiceFailure::broken("the server did not store the bytes that were sent"));
                }
                Ok((output.e_tag().map(str::to_owned), output.checksum_crc64_nvme().map(str::to_owned)))
            }
        };
        let operation = Operation::new(Action::UploadPart, key).sending(bytes.len() as u64);
        let (etag, told) = match self.requester.request(operation, call).await {
            // Somebody removed the upload: the put begins again.
            Err(Failed { failure, error }) if failure.code == "NoSuchUpload" => {
                return Err(Failed { failure: ServiceFailure::condition_failed(), error });
            }
            result => result?,
        };
        let part = CompletedPart::builder().part_number(number).set_e_tag(etag).set_checksum_crc64_nvme(told);
        Ok(part.build())
    }

    async fn complete_upload(
        &self,
        put: &Put<'_>,
        upload: &str,
        parts: Vec<CompletedPart>,
    ) -> Result<Version, Failed> {
        let is_told = parts.iter().all(|part| part.checksum_crc64_nvme().is_some());
        let checksum = put.checksum.crc64().filter(|_| is_told);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let (if_none_match, if_match) = self.conditions(&put.condition);
        let call = |client: Client| {
            let request = client
                .complete_multipart_upload()
                .bucket(&self.location.bucket)
                .key(self.location.full_key(put.key))
                .upload_id(upload)
                .multipart_upload(parts.clone())
                .set_checksum_crc64_nvme(checksum.map(str::to_owned))
                .set_checksum_type(checksum.map(|_| ChecksumType::FullObject))
                .set_if_none_match(if_none_match.clone())
                .set_if_match(if_match.clone());
            async {
                match request.send().await.map_err(ServiceFailure::from) {
                    Ok(output) => Ok(bare_etag(output.e_tag())),
                    // Must not be repeated on its own: the whole upload has to start again (API reference,
                    // CompleteMultipartUpload).
                    Err(failure) if failure.is_conflict() => Err(failure.for_good()),
                    Err(failure) => Err(failure),
                }
            }
        };
        match self.requester.request(Operation::new(Action::CompleteUpload, put.key), call).await {
            // Ceph does not return the `ETag`.
            Ok(etag) if etag.is_empty() => {
                self.look(put.key).await.map(|looked| looked.info.version).map_err(look_failed)
            }
            Ok(etag) => Ok(Version(etag)),
            // An earlier attempt completed the upload, and its answer was lost; or somebody removed the
            // upload.
            Err(Failed { failure, .. }) if failure.code == "NoSuchUpload" => Err(condition_failed(put)),
            Err(failed) => Err(failed),
        }
    }

    /// Removes the uploaded parts of a failed put. If this fails, the next run or the bucket's own rule
    /// removes them.
    async fn abort_upload(&self, key: &str, upload: &str) {
        if let Err(Failed { failure, error }) = self.try_abort_upload(key, upload).await
            && failure.code != "NoSuchUpload"
        {
            tracing::warn!(key, %error, "failed to remove the parts of an unfinished upload");
        }
    }

    /// Removes an unfinished upload. Nothing depends on it, so it is not retried for long.
    pub(crate) async fn try_abort_upload(&self, key: &str, upload: &str) -> Result<(), Failed> {
        let call = |client: Client| {
            let request = client
                .abort_multipart_upload()
                .bucket(&self.location.bucket)
                .key(self.location.full_key(key))
                .upload_id(upload);
            async { request.send().await.map(drop).map_err(ServiceFailure::from) }
        };
        let operation = Operation::new(Action::AbortUpload, key).with_effort(Effort::Short);
        self.requester.request(operation, call).await
    }
}

/// Returns the failure of a put whose condition does not hold, so that the object is checked.
fn condition_failed(put: &Put<'_>) -> Failed {
    let failure = ServiceFailure::condition_failed();
    Failed { failure, error: StoreError::AlreadyExists { key: put.key.to_owned() } }
}
