//! Further properties of a bucket and its server.

use std::time::Duration;

use aws_sdk_s3::{Client, types::BucketVersioningStatus};
use bytes::Bytes;
use icecore_store::{PutCondition, Store, StoreError, StoreResult};

use crate::{
    action::Action,
    failure::ServiceFailure,
    probe::object::{delete_probe, probe_key},
    requester::{Failed, Operation},
    store::S3Store,
};

/// Whether a bucket keeps replaced and deleted objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versioning {
    /// The bucket keeps them.
    Enabled,
    /// The bucket does not keep them, or no longer keeps them.
    Off,
    /// The user may not read this setting.
    Unknown,
    /// The server does not support versioning, or answered with something else.
    Unsupported,
}

impl S3Store {
    /// Finds out whether the bucket keeps replaced and deleted objects.
    pub async fn versioning(&self) -> StoreResult<Versioning> {
        if self.is_access_point() {
            return Ok(Versioning::Unknown);
        }
        let call = |client: Client| {
            let request = client.get_bucket_versioning().bucket(&self.location.bucket);
            async { request.send().await.map_err(|error| ServiceFailure::from(error).or_not_implemented()) }
        };
        match self.requester.request(Operation::new(Action::GetVersioning, "the bucket"), call).await {
            Ok(output) if output.status() == Some(&BucketVersioningStatus::Enabled) => {
                Ok(Versioning::Enabled)
            }
            Ok(_) => Ok(Versioning::Off),
            Err(Failed { failure, .. }) if failure.is_not_implemented() => Ok(Versioning::Unsupported),
            Err(Failed { failure, .. }) if failure.status == 403 => Ok(Versioning::Unknown),
            Err(failed) => Err(failed.into()),
        }
    }

    /// Returns the difference between the clocks of this machine and of the server, to a second; nothing if
    /// the user may not write. Writes an object below `probe/` and deletes it again, if permitted.
    pub async fn clock_difference(&self) -> StoreResult<Option<Duration>> {
        let key = probe_key(self, "-clock");
        let now = self.environment.clock.now();
        match self.put(&key, Bytes::from_static(b"clock"), PutCondition::Absent).await {
            Ok(_) => {}
            Err(StoreError::NotPermitted { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
        let modified = self.head(&key).await.map(|object| object.modified);
        delete_probe(self, &key).await;
        let server = modified?;
        Ok(Some(now.duration_since(server).unwrap_or_else(|error| error.duration())))
    }
}
