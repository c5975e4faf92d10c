//! Whether a server honours the conditions that keep several writers from harming each other.

use bytes::Bytes;
use futures_util::future::join_all;
use icecore_store::{PutCondition, Store, StoreError, StoreResult, Version};

use crate::{checksum::hex, store::S3Store};

/// Writers that race for one key.
const RACERS: usize = 8;

/// What a server does with conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditionReport {
    /// A put that asks for the key to be absent (`If-None-Match: *`) is refused where it is taken.
    pub has_create: bool,
    /// A put that names another state than the present one (`If-Match`) is refused.
    pub has_replace: bool,
    /// How many of several writers at the same time were told that they created the same key.
    pub winners: usize,
}

/// Reason why a server is not to be used by several writers. The text fits behind "failed to …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// A request failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server does not honour conditions.
    #[error(
        "the server at {location} {ignored}: of several writers at the same time one could destroy what another has just written"
    )]
    NotHonoured {
        /// Where the store is.
        location: String,
        /// What it does.
        ignored: String,
    },
}

impl ConditionReport {
    /// Says whether several writers are safe.
    pub fn is_safe(&self) -> bool {
        self.has_create && self.has_replace && self.winners == 1
    }

    /// Returns what the server does wrong, in words.
    pub fn ignored(&self) -> String {
        match (self.has_create, self.has_replace) {
            (false, false) => "ignores conditional requests (If-None-Match and If-Match)".to_owned(),
            (false, true) => "ignores If-None-Match".to_owned(),
            (true, false) => "ignores If-Match".to_owned(),
            (true, true) => format!("let {} of {RACERS} writers create the same object", self.winners),
        }
    }
}

/// Tries conditional requests on objects of its own below `probe/`, and deletes them again as far as that is allowed.
pub async fn probe_conditions(store: &S3Store) -> StoreResult<ConditionReport> {
    let mut random = [0; 8];
    store.environment.entropy.fill(&mut random);
    let [single, race] = ["single", "race"].map(|name| format!("probe/{}-{name}", hex(&random)));
    let report = try_conditions(store, &single, &race).await;
    for key in [&single, &race] {
        if let Err(error) = store.delete(key, None).await {
            tracing::info!(key, %error, "an object of the probe is left behind");
        }
    }
    report
}

/// Fails unless several writers are safe.
pub async fn require_conditions(store: &S3Store) -> Result<(), ProbeError> {
    let report = probe_conditions(store).await?;
    if report.is_safe() {
        return Ok(());
    }
    Err(ProbeError::NotHonoured { location: store.location(), ignored: report.ignored() })
}

async fn try_conditions(store: &S3Store, single: &str, race: &str) -> StoreResult<ConditionReport> {
    let body = |text: String| Bytes::from(text);
    let version = store.put(single, body("first".into()), PutCondition::Absent).await?;
    let has_create = match store.put(single, body("second".into()), PutCondition::Absent).await {
        Ok(_) => false,
        Err(StoreError::AlreadyExists { .. }) => true,
        Err(error) => return Err(error),
    };
    let other = Version("00000000000000000000000000000000".to_owned());
    let refuses_other = match store.put(single, body("third".into()), PutCondition::Version(other)).await {
        Ok(_) => false,
        Err(StoreError::VersionMismatch { .. }) => true,
        Err(error) => return Err(error),
    };
    // Who ignored the first conditions has other bytes there now.
    let takes_present = !has_create
        || !refuses_other
        || match store.put(single, body("fourth".into()), PutCondition::Version(version)).await {
            Ok(_) => true,
            Err(StoreError::VersionMismatch { .. }) => false,
            Err(error) => return Err(error),
        };
    let racers =
        (0..RACERS).map(|racer| store.put(race, body(format!("racer {racer}")), PutCondition::Absent));
    let mut winners = 0;
    for result in join_all(racers).await {
        match result {
            Ok(_) => winners += 1,
            Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(ConditionReport { has_create, has_replace: refuses_other && takes_present, winners })
}
