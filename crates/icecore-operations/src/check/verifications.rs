//! When packs were last verified: what the catalogue remembers, and what it is told after a check.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use icecore_catalog::Catalog;
use icecore_format::ids::PackName;
use jiff::{Span, Timestamp, tz::TimeZone};

use crate::error::{OperationError, OperationResult};

/// Returns when packs were last verified; nothing if the catalogue cannot say, so that they are verified once
/// more.
pub(super) fn load(catalog: &Catalog) -> Arc<HashMap<PackName, SystemTime>> {
    match catalog.verifications() {
        Ok(verifications) => Arc::new(verifications.into_iter().collect()),
        Err(error) => {
            tracing::warn!(%error, "when packs were last verified is not known");
            Arc::default()
        }
    }
}

/// Notes which packs have been found whole. A check does not fail because of a cache.
pub(super) fn keep(catalog: &mut Catalog, packs: &[PackName], now: SystemTime) {
    if !packs.is_empty()
        && let Err(error) = catalog.put_verifications(packs, now)
    {
        tracing::warn!(%error, "when packs were verified could not be noted");
    }
}

/// Returns the length of a span that ends now; months and years are as long as they have been.
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
