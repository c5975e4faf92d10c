//! Finds archived objects among those that must be readable at once.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use futures_util::{StreamExt, TryStreamExt, stream};
use icecore_store::{StoreError, StoreResult};

use crate::{
    action::Action, failure::ServiceFailure, options::is_cold, requester::Operation, store::S3Store,
};

/// Most objects of Intelligent-Tiering that are checked one by one.
const LOOKS_MAX: usize = 100;
/// Concurrent checks.
const LOOKS_AT_ONCE: usize = 8;
/// Intelligent-Tiering archives no object that is younger than this (S3 User Guide, *How S3
/// Intelligent-Tiering works*).
const TIERING_AGE_MIN: Duration = Duration::from_hours(90 * 24);
const INTELLIGENT_TIERING: &str = "INTELLIGENT_TIERING";

/// Metadata that cannot be read at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchiveReport {
    /// Number of archived objects found.
    pub archived: u64,
    /// Key and class of the first one.
    pub example: Option<(String, String)>,
    /// Number of objects that Intelligent-Tiering may have archived, but that were too many to be checked.
    pub unknown: u64,
}

impl ArchiveReport {
    fn add(&mut self, key: String, class: String) {
        self.archived += 1;
        self.example.get_or_insert((key, class));
    }
}

impl S3Store {
    /// Looks for archived objects below `meta/`. The listing shows objects that a lifecycle rule has moved.
    /// Objects that Intelligent-Tiering has archived can only be found one by one, so only the oldest
    /// candidates are checked.
    pub async fn archived_metadata(&self) -> StoreResult<ArchiveReport> {
        let mut report = ArchiveReport::default();
        let mut tiered: Vec<(SystemTime, String)> = Vec::new();
        let now = self.environment.clock.now();
        for (object, class) in self.list_classes("meta/").await? {
            if is_cold(&class) {
                report.add(object.key, class);
            } else if class == INTELLIGENT_TIERING
                && now.duration_since(object.modified).is_ok_and(|age| age >= TIERING_AGE_MIN)
            {
                tiered.push((object.modified, object.key));
            }
        }
        tiered.sort_unstable();
        report.unknown = tiered.len().saturating_sub(LOOKS_MAX) as u64;
        tiered.truncate(LOOKS_MAX);
        let looking = stream::iter(tiered).map(|(_, key)| async move {
            let tier = self.archive_tier(&key).await?;
            StoreResult::Ok((key, tier))
        });
        let looked: Vec<_> = looking.buffered(LOOKS_AT_ONCE).try_collect().await?;
        for (key, tier) in looked {
            if let Some(tier) = tier {
                report.add(key, format!("{INTELLIGENT_TIERING}, {tier}"));
            }
        }
        Ok(report)
    }

    /// Returns the archive tier of Intelligent-Tiering that contains an object.
    async fn archive_tier(&self, key: &str) -> StoreResult<Option<String>> {
        let call = |client: Client| {
            let request = client.head_object().bucket(&self.location.bucket).key(self.location.full_key(key));
            async { request.send().await.map_err(ServiceFailure::from) }
        };
        let looked =
            self.requester.request(Operation::new(Action::Head, key), call).await.map_err(StoreError::from);
        match looked {
            Ok(output) => Ok(output.archive_status().map(|tier| tier.as_str().to_owned())),
            // It was deleted meanwhile.
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
