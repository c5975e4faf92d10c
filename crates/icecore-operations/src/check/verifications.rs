//! When packs were last verified: read from the catalogue, and updated after a check.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use icecore_catalog::Catalog;
use icecore_format::ids::PackName;
use jiff::{Span, Timestamp, tz::TimeZone};

use crate::error::{OperationError, OperationResult};

/// Returns when packs were last verified; empty if the catalogue cannot be read, so they are verified again.
pub(super) fn load(catalog: &Catalog) -> Arc<HashMap<PackName, SystemTime>> {
    match catalog.verifications() {
        Ok(verifications) => Arc::new(verifications.into_iter().collect()),
        Err(error) => {
            tracing::warn!(%error, "failed to read when packs were last verified");
            Arc::default()
        }
    }
}

/// Notes which packs were found intact. A check does not fail because of a cache.
pub(super) fn keep(catalog: &mut Catalog, packs: &[PackName], now: SystemTime) {
    if !packs.is_empty()
        && let Err(error) = catalog.put_verifications(packs, now)
    {
        tracing::warn!(%error, "failed to record when packs were verified");
    }
}

/// Returns the length of a span that ends now, with the real lengths of its months and years.
pub(super) fn length(span: Span, now: SystemTime, zone: &TimeZone) -> OperationResult<Duration> {
    let before = |now: Timestamp| {
        let start = now.to_zoned(zone.clone()).checked_sub(span).ok()?;
        Duration::try_from(now.duration_since(start.timestamp())).ok()
    };
    let length = Timestamp::try_from(now).ok().and_then(before);
    length.ok_or_else(|| OperationError::BeforeCalendar { span })
}

#[cfg(test)]
mod tests;
