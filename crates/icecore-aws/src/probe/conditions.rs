//! Tests whether a server honours the conditions that protect several writers from each other, and reads like
//! S3.
//!
//! Each request proves something that no other one does. The race shows that an object is created only once,
//! and that the check of the condition and the creation are one step: some servers only honour a condition if
//! nobody else writes at the same time. Two requests show that an object is replaced in the named state, and
//! in no other. One read shows that a range may end beyond the end of the object.

use bytes::Bytes;
use futures_util::future::join_all;
use icecore_store::{PutCondition, Store, StoreError, StoreResult, Version};

use super::{
    error::ProbeError,
    object::{delete_probe, probe_key},
    trial::explain_probe_error,
};
use crate::store::S3Store;

/// Writers that race for one key.
const RACERS: usize = 8;
/// End of the range that is read, far beyond the end of the object.
const READ_END: u64 = 1 << 20;

/// How a server handles conditions and ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditionReport {
    /// A put that requires the key to be absent (`If-None-Match: *`) is refused if the key exists.
    pub has_create: bool,
    /// A put that names another state than the current one (`If-Match`) is refused.
    pub has_replace: bool,
    /// How many of several concurrent writers got the answer that they created the same key.
    pub winners: usize,
    /// A range that ends beyond the end of the object returns the existing bytes. If conditions are ignored,
    /// this is unknown (and set).
    pub reads_past_end: bool,
}

impl ConditionReport {
    /// Returns whether several writers are safe.
    pub fn is_safe(&self) -> bool {
        self.has_create && self.has_replace && self.winners == 1
    }

    /// Describes what the server does wrong.
    pub fn ignored(&self) -> String {
        match (self.has_create, self.has_replace) {
            (false, false) => "ignores conditional requests (If-None-Match and If-Match)".to_owned(),
            (false, true) => "ignores If-None-Match".to_owned(),
            (true, false) => "ignores If-Match".to_owned(),
            (true, true) => format!("let {} of {RACERS} writers create the same object", self.winners),
        }
    }
}

/// Tries conditional requests and a read on its own object below `probe/`, and deletes it again if permitted.
pub async fn probe_conditions(store: &S3Store) -> StoreResult<ConditionReport> {
    let key = probe_key(store, "");
    let report = try_conditions(store, &key).await;
    delete_probe(store, &key).await;
    report
}

/// Fails unless several writers are safe and ranges can be read.
pub async fn require_conditions(store: &S3Store) -> Result<(), ProbeError> {
    let report = match probe_conditions(store).await {
        Ok(report) => report,
        Err(error) => return Err(explain_probe_error(store, error).await),
    };
    let location = store.location();
    if !report.is_safe() {
        return Err(ProbeError::NotHonoured { location, ignored: report.ignored() });
    }
    if report.reads_past_end {
        return Ok(());
    }
    let wrong = "refuses a request for a range that ends past the end of an object".to_owned();
    Err(ProbeError::WrongReads { location, wrong })
}

async fn try_conditions(store: &S3Store, key: &str) -> StoreResult<ConditionReport> {
    let (winners, present) = race(store, key).await?;
    let mut report =
        ConditionReport { has_create: winners < RACERS, has_replace: true, winners, reads_past_end: true };
    let other = Version("00000000000000000000000000000000".to_owned());
    let stale = store.put_unresolved(key, Bytes::from_static(b"stale"), PutCondition::Version(other)).await?;
    report.has_replace = stale.is_none();
    if winners != 1 || stale.is_some() {
        // It is unknown which bytes the object has now, so further tests are useless.
        return Ok(report);
    }
    let replacement = Bytes::from_static(b"replacement");
    match store.put(key, replacement.clone(), PutCondition::Version(present)).await {
        Ok(_) => report.reads_past_end = reads_past_end(store, key, &replacement).await?,
        Err(StoreError::VersionMismatch { .. }) => report.has_replace = false,
        Err(error) => return Err(error),
    }
    Ok(report)
}

/// Lets writers race for a key. Returns how many were told that they created it, and the state that one of
/// them created.
async fn race(store: &S3Store, key: &str) -> StoreResult<(usize, Version)> {
    let racers = (0..RACERS)
        .map(|racer| store.put_unresolved(key, Bytes::from(format!("racer {racer}")), PutCondition::Absent));
    let told: Vec<Option<Version>> = join_all(racers).await.into_iter().collect::<StoreResult<_>>()?;
    let mut created = told.into_iter().flatten();
    match created.next() {
        Some(version) => Ok((1 + created.count(), version)),
        // The answer to the successful attempt was lost, and the next attempt was refused.
        None => Ok((1, store.get_versioned(key).await?.1)),
    }
}

/// Returns whether a range that ends beyond the end of an object returns the bytes up to that end.
async fn reads_past_end(store: &S3Store, key: &str, content: &Bytes) -> StoreResult<bool> {
    match store.get(key, Some(1..READ_END)).await {
        Ok(read) => Ok(read == content.slice(1..)),
        Err(StoreError::InvalidRange { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
