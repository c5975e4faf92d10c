//! Listing, in pages of 1,000 keys.

use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use icecore_store::{ObjectInfo, StoreResult, Version, key::check_key};

use crate::{action::Action, failure::ServiceFailure, store::S3Store, write::bare};

impl S3Store {
    /// Lists all objects below a prefix. Keys that no store of Icecore could have are somebody else's.
    pub(crate) async fn list_all(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
        let full_prefix = match prefix {
            "" if self.options.prefix.is_empty() => String::new(),
            _ => self.place.full_key(prefix),
        };
        let mut objects = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let call = || async {
                let request = self
                    .client
                    .list_objects_v2()
                    .bucket(&self.place.bucket)
                    .prefix(&full_prefix)
                    .set_continuation_token(token.clone());
                request.send().await.map_err(ServiceFailure::from)
            };
            let page = self.repeat(Action::List, prefix, 0, call).await?;
            let own = page.contents().iter().filter_map(|object| self.listed(object));
            objects.extend(own);
            let next = page.next_continuation_token().map(str::to_owned);
            // A server that gives the same token again would keep us here for ever.
            if page.is_truncated() != Some(true) || next.is_none() || next == token {
                break;
            }
            token = next;
        }
        // S3 sorts by UTF-8 bytes, as we do; not all servers that are like it do.
        objects.sort_by(|one, other| one.key.as_bytes().cmp(other.key.as_bytes()));
        Ok(objects)
    }

    fn listed(&self, object: &aws_sdk_s3::types::Object) -> Option<ObjectInfo> {
        let key = self.place.own_key(object.key()?)?;
        check_key(key).ok()?;
        Some(ObjectInfo {
            key: key.to_owned(),
            size: object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
            version: Version(bare(object.e_tag())),
            modified: system_time(object.last_modified()),
        })
    }
}

/// Returns a time of the SDK as one of ours, in whole seconds: a look at an object knows no others, though a list may.
pub(crate) fn system_time(time: Option<&DateTime>) -> SystemTime {
    let seconds = time.and_then(|time| u64::try_from(time.secs()).ok()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}
