//! Converts failed requests to errors of the store.

use std::time::Duration;

use icecore_store::error::{MissingPermission, StoreError};

use super::{FailureKind, ServiceFailure};
use crate::{action::Action, likeness::Likeness, location::S3Location};

impl ServiceFailure {
    /// Returns the error for the caller of the store; `is_reached` says whether the server has ever answered.
    pub(crate) fn into_store_error(
        self,
        at: &S3Location,
        action: Action,
        key: &str,
        is_reached: bool,
    ) -> StoreError {
        let operation = action.operation();
        let location = at.text();
        let reason = self.reason();
        if self.kind == FailureKind::Connection && self.status == 0 {
            return self.unreachable(at, operation, key, is_reached);
        }
        if self.is_unreadable() && !is_reached {
            let reason = format!("HTTP status {} with an answer that cannot be read", self.status);
            return StoreError::ForeignAnswer { endpoint: at.endpoint(), reason };
        }
        if self.is_transient() {
            return self.unavailable(operation, key);
        }
        if self.kind == FailureKind::NoCredentials {
            return self.without_credentials(location);
        }
        if let Some(error) = self.redirected(at) {
            return error;
        }
        if let Likeness::Foreign(reason) = self.likeness {
            return StoreError::ForeignAnswer { endpoint: at.endpoint(), reason: reason.into() };
        }
        let bucket = || at.bucket.clone();
        match (self.status, self.code.as_str()) {
            (_, "NoSuchBucket") => StoreError::NoSuchBucket { bucket: bucket() },
            (301 | 307, _)
            | (
                _,
                "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException",
            ) => {
                let region = self.elsewhere.and_then(|elsewhere| elsewhere.region);
                let region = region.or_else(|| expected_region(&self.message));
                StoreError::WrongRegion { bucket: bucket(), region }
            }
            _ if self.is_expired() => StoreError::CredentialsRefused { location, reason, expired: true },
            (401, _)
            | (
                _,
                "InvalidAccessKeyId"
                | "SignatureDoesNotMatch"
                | "InvalidToken"
                | "InvalidClientTokenId"
                | "NotSignedUp",
            ) => StoreError::CredentialsRefused { location, reason, expired: false },
            (_, "RequestTimeTooSkewed") => {
                StoreError::ClockSkew { location, seconds: at.skew(self.times().server) }
            }
            (_, "InvalidObjectState") => {
                let class = self.archive.map_or_else(|| "storage class unknown".to_owned(), String::from);
                StoreError::Archived { key: key.to_owned(), class }
            }
            (507, _) | (_, "QuotaExceeded") => StoreError::NoSpace { key: key.to_owned(), reason },
            (501, _) => StoreError::Unsupported { location, reason },
            (403, _) => not_permitted(at, action, key, reason),
            (404, _) if self.is_not_found() => StoreError::NotFound { key: key.to_owned() },
            _ => StoreError::Refused { operation, key: key.to_owned(), reason },
        }
    }

    /// Marks the failure as transient: the same request may succeed a little later.
    pub(crate) fn unavailable(&self, operation: &'static str, key: &str) -> StoreError {
        let retry_after = self.times().retry_after.map(|seconds| Duration::from_secs(seconds.into()));
        StoreError::Unavailable { operation, key: key.to_owned(), reason: self.reason(), retry_after }
    }
}

/// Returns the error of a request that a policy forbids. The server names the action if it is not the
/// requested one, for example the use of a KMS key.
fn not_permitted(at: &S3Location, action: Action, key: &str, reason: String) -> StoreError {
    let told = reason.split_once("not authorized to perform: ").map(|(_, rest)| rest);
    let told = told.and_then(|rest| rest.split_whitespace().next());
    if let Some(told) = told.filter(|told| !told.starts_with("s3:")) {
        let resource =
            reason.split_once("on resource: ").and_then(|(_, rest)| rest.split_whitespace().next());
        let resource = resource.unwrap_or("the key that encrypts the bucket").to_owned();
        let (action, scope) = (told.to_owned(), resource.clone());
        return StoreError::NotPermitted(Box::new(MissingPermission { action, resource, scope, reason }));
    }
    let (resource, scope) = if action.is_on_bucket() {
        (at.bucket_arn(), at.bucket_arn())
    } else {
        (at.object_arn(key), at.object_arn("*"))
    };
    let action = action.permission().to_owned();
    StoreError::NotPermitted(Box::new(MissingPermission { action, resource, scope, reason }))
}

/// Finds the region in "the region 'us-east-1' is wrong; expecting 'eu-central-1'".
fn expected_region(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("expecting '")?;
    rest.split_once('\'').map(|(region, _)| region.to_owned())
}
