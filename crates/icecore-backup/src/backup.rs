//! The run of a backup from its request to its report.

use icecore_catalog::Catalog;
use icecore_repo::repository::Repository;

use crate::{
    error::BackupResult,
    request::{BackupEvents, BackupReport, BackupRequest},
};

/// Backs one source up and returns the report and the catalogue.
pub fn backup(
    repository: &Repository,
    catalog: Catalog,
    request: BackupRequest,
    events: &dyn BackupEvents,
) -> BackupResult<(BackupReport, Catalog)> {
    let _ = (repository, catalog, request, events);
    Err(crate::error::BackupError::StageLost { stage: "backup" })
}
