//! Converts values in answers to our own types: states of objects, and times.

use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;

use crate::failure::ServiceFailure;

/// Returns an `ETag` without its quotes, which some servers omit in some answers.
pub(crate) fn bare_etag(etag: Option<&str>) -> String {
    etag.unwrap_or_default().trim_matches('"').to_owned()
}

/// Returns the `ETag` of an answer without its quotes. A server that sends none is not S3: conditions need
/// it.
pub(crate) fn required_etag(etag: Option<&str>) -> Result<String, ServiceFailure> {
    match bare_etag(etag) {
        etag if etag.is_empty() => Err(ServiceFailure::foreign("HTTP status 200 without an ETag")),
        etag => Ok(etag),
    }
}

/// Converts a time of the SDK to one of ours, in whole seconds: HEAD returns only these, although a list may
/// return more.
pub(crate) fn system_time(time: Option<&DateTime>) -> SystemTime {
    let seconds = time.and_then(|time| u64::try_from(time.secs()).ok()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}
