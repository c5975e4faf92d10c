//! Uploads that were never completed.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::{Client, operation::list_multipart_uploads::ListMultipartUploadsOutput};
use icecore_store::StoreResult;

use crate::{
    action::Action,
    answer::system_time,
    failure::ServiceFailure,
    options::DATA_PREFIX,
    requester::{Effort, Operation},
    store::S3Store,
};

/// Longest time for the search; the rest is left to the next run.
const SEARCH_TIME_MAX: Duration = Duration::from_secs(30);

/// Start of a page in a list of uploads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Marker {
    key: Option<String>,
    upload: Option<String>,
}

impl S3Store {
    /// Removes uploads below the store's prefix that were begun longer than `age` ago, by the clock of this
    /// machine, and returns how many there were. If such an upload was still running, it begins again.
    ///
    /// Nothing depends on it, so it is short: no request is retried for long, and after half a minute the
    /// rest is left to the next run.
    pub async fn abort_stale_uploads(&self, age: Duration) -> StoreResult<usize> {
        let latest = self.environment.clock.now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
        let ends = self.environment.clock.monotonic().saturating_add(SEARCH_TIME_MAX);
        let is_over = || self.environment.clock.monotonic() >= ends;
        let mut aborted = 0;
        let mut marker = Marker::default();
        loop {
            let page = self.uploads_page(&marker).await?;
            for upload in page.uploads() {
                let (Some(key), Some(id)) = (upload.key(), upload.upload_id()) else { continue };
                let Some(key) =
                    self.location.own_key(key).filter(|_| system_time(upload.initiated()) < latest)
                else {
                    continue;
                };
                if is_over() {
                    return Ok(aborted);
                }
                match self.try_abort_upload(key, id).await {
                    Ok(()) => aborted += 1,
                    // Another host was faster.
                    Err(failed) if failed.failure.code == "NoSuchUpload" => {}
                    Err(failed) => return Err(failed.into()),
                }
            }
            let next = Marker {
                key: page.next_key_marker().map(str::to_owned),
                upload: page.next_upload_id_marker().map(str::to_owned),
            };
            if page.is_truncated() != Some(true) || next.key.is_none() || next == marker || is_over() {
                return Ok(aborted);
            }
            marker = next;
        }
    }

    async fn uploads_page(&self, marker: &Marker) -> StoreResult<ListMultipartUploadsOutput> {
        let prefix = self.location.full_key(DATA_PREFIX);
        let call = |client: Client| {
            let request = client
                .list_multipart_uploads()
                .bucket(&self.location.bucket)
                .prefix(&prefix)
                .set_key_marker(marker.key.clone())
                .set_upload_id_marker(marker.upload.clone());
            async { request.send().await.map_err(ServiceFailure::from) }
        };
        let operation = Operation::new(Action::ListUploads, DATA_PREFIX).with_effort(Effort::Short);
        Ok(self.requester.request(operation, call).await?)
    }
}
