//! Deletes objects, conditionally if requested.

use aws_sdk_s3::Client;
use icecore_store::{StoreError, StoreResult, Version};

use crate::{
    action::Action,
    failure::ServiceFailure,
    requester::{Failed, Operation},
    store::S3Store,
};

impl S3Store {
    /// Deletes an object; if `version` is given, only in that state.
    ///
    /// Conditional deletion is newer than conditional writing, and many servers ignore or refuse the
    /// condition. Therefore the object is checked first, and the condition is sent as well. The names of
    /// objects that Icecore deletes conditionally are never used again, so even if only the first check
    /// works, nothing can happen in between.
    pub(crate) async fn remove(&self, key: &str, version: Option<Version>) -> StoreResult<()> {
        let Some(Version(etag)) = version else { return Ok(self.remove_once(key, None).await?) };
        match self.look(key).await {
            Ok(looked) if looked.info.version.0 == etag => {}
            Ok(_) => return Err(StoreError::VersionMismatch { key: key.to_owned() }),
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(error),
        }
        let condition = Some(self.sent_etag(&etag));
        match self.remove_once(key, condition).await {
            Err(Failed { failure, .. }) if failure.is_not_implemented() => {
                Ok(self.remove_once(key, None).await?)
            }
            Err(Failed { failure, .. }) if failure.is_condition_failed() => match self.look(key).await {
                // An earlier attempt deleted it, and its answer was lost.
                Err(error) if error.is_not_found() => Ok(()),
                _ => Err(StoreError::VersionMismatch { key: key.to_owned() }),
            },
            result => Ok(result?),
        }
    }

    async fn remove_once(&self, key: &str, etag: Option<String>) -> Result<(), Failed> {
        let call = |client: Client| {
            let request = client
                .delete_object()
                .bucket(&self.location.bucket)
                .key(self.location.full_key(key))
                .set_if_match(etag.clone());
            async {
                match request.send().await.map_err(ServiceFailure::from) {
                    Ok(_) => Ok(()),
                    Err(failure) if failure.is_not_found() => Ok(()),
                    Err(failure) => Err(failure),
                }
            }
        };
        self.requester.request(Operation::new(Action::Delete, key), call).await
    }
}
