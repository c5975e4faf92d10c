//! Reads the metadata of objects without their bytes.

use aws_sdk_s3::Client;
use icecore_store::{ObjectInfo, StoreResult, Version};

use crate::{
    action::Action,
    answer::{bare_etag, required_etag, system_time},
    failure::ServiceFailure,
    metadata::put_name,
    requester::Operation,
    store::S3Store,
};

/// The metadata of an object.
#[derive(Clone, Debug)]
pub(crate) struct Looked {
    pub(crate) info: ObjectInfo,
    /// The name of the put that wrote the object.
    pub(crate) put_name: Option<String>,
}

impl S3Store {
    /// Returns the metadata of an object without reading its bytes.
    pub(crate) async fn look(&self, key: &str) -> StoreResult<Looked> {
        let call = |client: Client| {
            let request = client.head_object().bucket(&self.location.bucket).key(self.location.full_key(key));
            async {
                let output = request.send().await.map_err(ServiceFailure::from)?;
                required_etag(output.e_tag())?;
                Ok(output)
            }
        };
        let output = self.requester.request(Operation::new(Action::Head, key), call).await?;
        let metadata = output.metadata();
        if let Some(metadata) = metadata {
            self.learn_from(metadata);
        }
        let info = ObjectInfo {
            key: key.to_owned(),
            size: output.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
            version: Version(bare_etag(output.e_tag())),
            modified: system_time(output.last_modified()),
        };
        Ok(Looked { info, put_name: metadata.and_then(put_name) })
    }
}
