//! The operations of S3, over maps behind a lock.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use s3s::{
    S3, S3Request, S3Response, S3Result,
    dto::{
        AbortMultipartUploadInput, AbortMultipartUploadOutput, ArchiveStatus, ChecksumType, CommonPrefix,
        CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput,
        CopyObjectResult, CopySource, CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput,
        CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput,
        DeleteObjectsOutput, DeletedObject, ETag, ETagCondition, Error as DeleteError,
        GetBucketLocationInput, GetBucketLocationOutput, GetBucketVersioningInput, GetBucketVersioningOutput,
        GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput,
        HeadObjectOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsV2Input,
        ListObjectsV2Output, MultipartUpload, PutObjectInput, PutObjectOutput, Range, StorageClass,
        StreamingBlob, Timestamp, UploadPartInput, UploadPartOutput,
    },
    s3_error,
};

use crate::{
    authority::{Authority, Refusal},
    bucket::{Bucket, Headers, Stored, Upload, Verdict, crc64, length_of},
    listing::page,
    server::ServerOptions,
};

tokio::task_local! {
    /// Whether the conditions of the current request are honoured.
    pub(crate) static CONDITIONS: bool;
}

/// Header of HEAD for an archived object with a readable copy.
const RESTORED: &str = "ongoing-request=\"false\", expiry-date=\"Fri, 21 Dec 2063 00:00:00 GMT\"";
/// Smallest part of a multipart upload except for the last one, as on S3.
const PART_BYTES_MIN: usize = 5 << 20;

/// The server behind HTTP.
#[derive(Clone, Debug)]
pub(crate) struct MemoryService {
    buckets: Arc<Mutex<BTreeMap<String, Bucket>>>,
    authority: Arc<Authority>,
    options: ServerOptions,
}

type Answer<T> = S3Result<S3Response<T>>;

#[expect(clippy::unnecessary_wraps, reason = "what every operation returns in the end")]
fn answer<T>(output: T) -> Answer<T> {
    Ok(S3Response::new(output))
}

#[expect(clippy::disallowed_methods, reason = "the server's clock is that of the machine, as clients expect")]
fn now() -> SystemTime {
    SystemTime::now()
}

impl MemoryService {
    pub(crate) fn new(options: &ServerOptions, authority: Arc<Authority>) -> Self {
        let buckets = options.buckets.iter().map(|name| (name.clone(), Bucket::default())).collect();
        Self { buckets: Arc::new(Mutex::new(buckets)), authority, options: options.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks into a bucket, which is empty if it does not exist.
    pub(crate) fn read<T>(&self, bucket: &str, look: impl FnOnce(&Bucket) -> T) -> T {
        match self.lock().get(bucket) {
            Some(bucket) => look(bucket),
            None => look(&Bucket::default()),
        }
    }

    pub(crate) fn plant(&self, bucket: &str, key: &str, bytes: &[u8]) {
        let bytes = Bytes::copy_from_slice(bytes);
        let mut buckets = self.lock();
        let bucket = buckets.entry(bucket.to_owned()).or_default();
        self.store(bucket, key, bytes, Headers::default());
    }

    pub(crate) fn remove(&self, bucket: &str, key: &str) {
        if let Some(bucket) = self.lock().get_mut(bucket) {
            bucket.objects.remove(key);
        }
    }

    pub(crate) fn change(&self, bucket: &str, key: &str, change: impl FnOnce(&mut Stored)) {
        if let Some(object) = self.lock().get_mut(bucket).and_then(|bucket| bucket.objects.get_mut(key)) {
            change(object);
        }
    }

    pub(crate) fn set_lifecycle(&self, bucket: &str, rule: &str) {
        self.lock().entry(bucket.to_owned()).or_default().lifecycle = Some(rule.to_owned());
    }

    pub(crate) fn lifecycle(&self, bucket: &str) -> Option<String> {
        self.read(bucket, |bucket| bucket.lifecycle.clone())
    }

    fn with_bucket<T>(&self, bucket: &str, act: impl FnOnce(&mut Bucket) -> S3Result<T>) -> S3Result<T> {
        match self.lock().get_mut(bucket) {
            Some(bucket) => act(bucket),
            None => Err(s3_error!(NoSuchBucket)),
        }
    }

    /// Judges conditions, unless the server or the request ignores them.
    fn judge(
        &self,
        bucket: &Bucket,
        key: &str,
        if_match: Option<&ETagCondition>,
        if_none_match: Option<&ETagCondition>,
    ) -> S3Result<()> {
        if self.options.refuses_conditions && (if_match.is_some() || if_none_match.is_some()) {
            return Err(s3_error!(NotImplemented));
        }
        if !self.options.has_conditions || CONDITIONS.try_with(|honoured| !honoured).unwrap_or(false) {
            return Ok(());
        }
        match bucket.judge(key, if_match, if_none_match) {
            Verdict::Holds => Ok(()),
            Verdict::NoSuchKey => Err(s3_error!(NoSuchKey)),
            Verdict::Failed => Err(s3_error!(PreconditionFailed)),
        }
    }

    fn store(&self, bucket: &mut Bucket, key: &str, bytes: Bytes, headers: Headers) -> Stored {
        let etag = bucket.next_etag(&bytes, self.options.has_md5_etags);
        let stored = Stored {
            crc64: crc64(&bytes),
            bytes,
            etag,
            modified: now(),
            headers,
            archive_tier: None,
            is_thawed: false,
        };
        bucket.objects.insert(key.to_owned(), stored.clone());
        stored
    }

    fn told_checksum(&self, crc64: u64) -> Option<String> {
        self.options.has_checksums.then(|| BASE64.encode(crc64.to_be_bytes()))
    }

    /// Fails if the bytes differ from those that the client sent.
    fn verify(&self, bytes: &[u8], sent: Option<&String>) -> S3Result<()> {
        match sent {
            Some(sent)
                if self.options.has_checksums && *sent != BASE64.encode(crc64(bytes).to_be_bytes()) =>
            {
                Err(s3_error!(BadDigest))
            }
            _ => Ok(()),
        }
    }
}

async fn collect(body: Option<StreamingBlob>, length: Option<i64>) -> S3Result<Bytes> {
    let Some(mut body) = body else { return Ok(Bytes::new()) };
    let mut bytes =
        BytesMut::with_capacity(length.and_then(|length| usize::try_from(length).ok()).unwrap_or(0));
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece.map_err(|_| s3_error!(IncompleteBody))?);
    }
    if length.is_some_and(|length| length != i64::try_from(bytes.len()).unwrap_or(i64::MAX)) {
        return Err(s3_error!(IncompleteBody));
    }
    Ok(bytes.freeze())
}

fn stored_or_missing<'bucket>(bucket: &'bucket Bucket, key: &str) -> S3Result<&'bucket Stored> {
    bucket.objects.get(key).ok_or_else(|| s3_error!(NoSuchKey))
}

#[async_trait::async_trait]
impl S3 for MemoryService {
    async fn put_object(&self, request: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let input = request.input;
        let bytes = collect(input.body, input.content_length).await?;
        self.verify(&bytes, input.checksum_crc64nvme.as_ref())?;
        let headers = Headers {
            storage_class: input.storage_class.map(|class| class.as_str().to_owned()),
            encryption: input.server_side_encryption.map(|encryption| encryption.as_str().to_owned()),
            kms_key: input.ssekms_key_id,
            metadata: input.metadata.unwrap_or_default(),
        };
        let stored = self.with_bucket(&input.bucket, |bucket| {
            self.judge(bucket, &input.key, input.if_match.as_ref(), input.if_none_match.as_ref())?;
            Ok(self.store(bucket, &input.key, bytes, headers))
        })?;
        answer(PutObjectOutput {
            e_tag: Some(ETag::Strong(stored.etag)),
            checksum_crc64nvme: self.told_checksum(stored.crc64),
            ..PutObjectOutput::default()
        })
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let input = request.input;
        let stored = self.with_bucket(&input.bucket, |bucket| {
            let stored = stored_or_missing(bucket, &input.key)?.clone();
            self.judge(bucket, &input.key, input.if_match.as_ref(), None)?;
            Ok(stored)
        })?;
        if stored.archive().is_some() {
            return Err(s3_error!(InvalidObjectState));
        }
        let size = stored.bytes.len() as u64;
        let range = match &input.range {
            Some(Range::Int { last: Some(last), .. })
                if !self.options.has_ranges_past_end && *last >= size =>
            {
                return Err(s3_error!(InvalidRange));
            }
            Some(range) => Some(range.check(size).map_err(|_| s3_error!(InvalidRange))?),
            None => None,
        };
        let part = match &range {
            Some(range) => stored.bytes.slice(range.start as usize..range.end as usize),
            None => stored.bytes.clone(),
        };
        answer(GetObjectOutput {
            content_length: Some(length_of(&part)),
            content_range: range
                .as_ref()
                .map(|range| format!("bytes {}-{}/{size}", range.start, range.end - 1)),
            body: Some(StreamingBlob::from(s3s::Body::from(part))),
            e_tag: Some(ETag::Strong(stored.etag)),
            last_modified: Some(Timestamp::from(stored.modified)),
            metadata: Some(stored.headers.metadata),
            checksum_crc64nvme: if range.is_none() { self.told_checksum(stored.crc64) } else { None },
            checksum_type: self
                .options
                .has_checksums
                .then(|| ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
            ..GetObjectOutput::default()
        })
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let input = request.input;
        let stored =
            self.with_bucket(&input.bucket, |bucket| stored_or_missing(bucket, &input.key).cloned())?;
        answer(HeadObjectOutput {
            content_length: Some(length_of(&stored.bytes)),
            e_tag: Some(ETag::Strong(stored.etag)),
            last_modified: Some(Timestamp::from(stored.modified)),
            metadata: Some(stored.headers.metadata),
            archive_status: stored.archive_tier.clone().map(ArchiveStatus::from),
            restore: stored.is_thawed.then(|| RESTORED.to_owned()),
            storage_class: stored.headers.storage_class.map(StorageClass::from),
            checksum_crc64nvme: self.told_checksum(stored.crc64),
            ..HeadObjectOutput::default()
        })
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        let input = request.input;
        self.with_bucket(&input.bucket, |bucket| {
            self.judge(bucket, &input.key, input.if_match.as_ref(), None)?;
            bucket.objects.remove(&input.key);
            Ok(())
        })?;
        answer(DeleteObjectOutput::default())
    }

    async fn delete_objects(&self, request: S3Request<DeleteObjectsInput>) -> Answer<DeleteObjectsOutput> {
        let input = request.input;
        let user = request.credentials.map(|credentials| credentials.access_key).unwrap_or_default();
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        self.with_bucket(&input.bucket, |bucket| {
            for object in input.delete.objects {
                let key = Some(object.key.clone());
                match self.authority.judge_deletion(&user, &input.bucket, &object.key) {
                    Ok(()) => {
                        bucket.objects.remove(&object.key);
                        deleted.push(DeletedObject { key, ..DeletedObject::default() });
                    }
                    Err(Refusal::Denied(message)) => {
                        let code = Some("AccessDenied".to_owned());
                        errors.push(DeleteError {
                            key,
                            code,
                            message: Some(message),
                            ..DeleteError::default()
                        });
                    }
                    Err(Refusal::NotImplemented) => return Err(s3_error!(NotImplemented)),
                }
            }
            Ok(())
        })?;
        answer(DeleteObjectsOutput {
            deleted: Some(deleted),
            errors: Some(errors),
            ..DeleteObjectsOutput::default()
        })
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        let input = request.input;
        let CopySource::Bucket { bucket, key, .. } = &input.copy_source else {
            return Err(s3_error!(NotImplemented));
        };
        let source = self.with_bucket(bucket, |bucket| stored_or_missing(bucket, key).cloned())?;
        if source.archive().is_some() {
            return Err(s3_error!(InvalidObjectState));
        }
        let class = input.storage_class.map(|class| class.as_str().to_owned());
        let headers = Headers { storage_class: class, ..source.headers };
        let stored = self
            .with_bucket(&input.bucket, |bucket| Ok(self.store(bucket, &input.key, source.bytes, headers)))?;
        let result = CopyObjectResult {
            e_tag: Some(ETag::Strong(stored.etag)),
            last_modified: Some(Timestamp::from(stored.modified)),
            ..CopyObjectResult::default()
        };
        answer(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() })
    }

    async fn list_objects_v2(&self, request: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
        let input = request.input;
        let asked = input.max_keys.and_then(|keys| usize::try_from(keys).ok());
        let keys_max = asked.unwrap_or(1_000).min(self.options.page_keys_max);
        let prefix = input.prefix.clone().unwrap_or_default();
        let start = input.start_after.clone().filter(|_| self.options.has_start_after);
        let after = input.continuation_token.clone().or(start);
        let after = after.filter(|_| !self.options.repeats_pages).unwrap_or_default();
        let delimiter = input.delimiter.clone().unwrap_or_default();
        let page = self
            .with_bucket(&input.bucket, |bucket| Ok(page(bucket, &prefix, &after, &delimiter, keys_max)))?;
        answer(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            max_keys: Some(i32::try_from(keys_max).unwrap_or(i32::MAX)),
            key_count: i32::try_from(page.objects.len() + page.prefixes.len()).ok(),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next,
            contents: Some(page.objects),
            common_prefixes: Some(
                page.prefixes.into_iter().map(|prefix| CommonPrefix { prefix: Some(prefix) }).collect(),
            ),
            ..ListObjectsV2Output::default()
        })
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        let input = request.input;
        let headers = Headers {
            storage_class: input.storage_class.map(|class| class.as_str().to_owned()),
            encryption: input.server_side_encryption.map(|encryption| encryption.as_str().to_owned()),
            kms_key: input.ssekms_key_id,
            metadata: input.metadata.unwrap_or_default(),
        };
        let upload = Upload { key: input.key.clone(), begun: now(), headers, parts: BTreeMap::new() };
        let id = self.with_bucket(&input.bucket, |bucket| Ok(bucket.begin_upload(upload)))?;
        answer(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        })
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        let input = request.input;
        let bytes = collect(input.body, input.content_length).await?;
        self.verify(&bytes, input.checksum_crc64nvme.as_ref())?;
        let checksum = self.told_checksum(crc64(&bytes));
        let etag = self.with_bucket(&input.bucket, |bucket| {
            let etag = bucket.next_etag(&bytes, self.options.has_md5_etags);
            let upload = bucket.uploads.get_mut(&input.upload_id).ok_or_else(|| s3_error!(NoSuchUpload))?;
            upload.parts.insert(input.part_number, (bytes, etag.clone()));
            Ok(etag)
        })?;
        answer(UploadPartOutput {
            e_tag: Some(ETag::Strong(etag)),
            checksum_crc64nvme: checksum,
            ..UploadPartOutput::default()
        })
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        let input = request.input;
        let named = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let named: Vec<_> =
            named.into_iter().map(|part| (part.part_number.unwrap_or(0), part.e_tag)).collect();
        let stored = self.with_bucket(&input.bucket, |bucket| {
            let upload = bucket.uploads.get(&input.upload_id).ok_or_else(|| s3_error!(NoSuchUpload))?;
            let bytes = assemble(upload, &named)?;
            self.verify(&bytes, input.checksum_crc64nvme.as_ref())?;
            self.judge(bucket, &input.key, input.if_match.as_ref(), input.if_none_match.as_ref())?;
            let headers = bucket.uploads.remove(&input.upload_id).map(|upload| upload.headers);
            Ok(self.store(bucket, &input.key, bytes, headers.unwrap_or_default()))
        })?;
        answer(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(ETag::Strong(stored.etag)),
            checksum_crc64nvme: self.told_checksum(stored.crc64),
            ..CompleteMultipartUploadOutput::default()
        })
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        let input = request.input;
        self.with_bucket(&input.bucket, |bucket| {
            bucket.uploads.remove(&input.upload_id).map(drop).ok_or_else(|| s3_error!(NoSuchUpload))
        })?;
        answer(AbortMultipartUploadOutput::default())
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        let input = request.input;
        let prefix = input.prefix.clone().unwrap_or_default();
        let uploads = self.with_bucket(&input.bucket, |bucket| {
            let uploads = bucket.uploads.iter().filter(|(_, upload)| upload.key.starts_with(&prefix));
            let mut uploads: Vec<MultipartUpload> = uploads
                .map(|(id, upload)| MultipartUpload {
                    key: Some(upload.key.clone()),
                    upload_id: Some(id.clone()),
                    initiated: Some(Timestamp::from(upload.begun)),
                    ..MultipartUpload::default()
                })
                .collect();
            uploads.sort_by_key(|upload| (upload.key.clone(), upload.upload_id.clone()));
            Ok(uploads)
        })?;
        let marker = (input.key_marker.filter(|key| !key.is_empty()), input.upload_id_marker);
        let behind = uploads
            .into_iter()
            .filter(|upload| marker.0.is_none() || (upload.key.clone(), upload.upload_id.clone()) > marker);
        let mut uploads: Vec<MultipartUpload> = behind.collect();
        let is_truncated = uploads.len() > self.options.page_keys_max;
        uploads.truncate(self.options.page_keys_max);
        let last = uploads.last().filter(|_| is_truncated).cloned().unwrap_or_default();
        answer(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            is_truncated: Some(is_truncated),
            next_key_marker: last.key,
            next_upload_id_marker: last.upload_id,
            uploads: Some(uploads),
            ..ListMultipartUploadsOutput::default()
        })
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        self.with_bucket(&request.input.bucket, |_| Ok(()))?;
        answer(HeadBucketOutput::default())
    }

    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
        self.lock().entry(request.input.bucket).or_default();
        answer(CreateBucketOutput::default())
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> Answer<GetBucketLocationOutput> {
        self.with_bucket(&request.input.bucket, |_| Ok(()))?;
        answer(GetBucketLocationOutput::default())
    }

    async fn get_bucket_versioning(
        &self,
        request: S3Request<GetBucketVersioningInput>,
    ) -> Answer<GetBucketVersioningOutput> {
        self.with_bucket(&request.input.bucket, |_| Ok(()))?;
        answer(GetBucketVersioningOutput::default())
    }
}

/// Assembles the parts of an upload, in the order in which they are named.
fn assemble(upload: &Upload, named: &[(i32, Option<ETag>)]) -> S3Result<Bytes> {
    let mut bytes = BytesMut::new();
    let mut number_last = 0;
    for (position, (number, etag)) in named.iter().enumerate() {
        let (part, stored) = upload.parts.get(number).ok_or_else(|| s3_error!(InvalidPart))?;
        if etag.as_ref().map(ETag::value) != Some(stored.as_str()) {
            return Err(s3_error!(InvalidPart));
        }
        if *number <= number_last {
            return Err(s3_error!(InvalidPartOrder));
        }
        if part.len() < PART_BYTES_MIN && position + 1 < named.len() {
            return Err(s3_error!(EntityTooSmall));
        }
        number_last = *number;
        bytes.extend_from_slice(part);
    }
    Ok(bytes.freeze())
}
