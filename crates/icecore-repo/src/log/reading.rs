//! Reads the records of the log, and the snapshots that they name.

use std::collections::BTreeMap;

use icecore_catalog::{BundleKind, Catalog, CatalogError, StoredBundle, StoredRecord};
use icecore_format::{
    error::FormatResult,
    history::Standing,
    ids::{RecordName, RunId},
    layout::{LOG_PREFIX, SNAPSHOTS_PREFIX, parse_log_key, parse_snapshot_key},
    log::{LogRecord, RecordReference, snapshot_digest},
    seal::ObjectKind,
    snapshot::SnapshotState,
};
use icecore_store::store::ObjectInfo;

use super::LogBook;
use crate::{
    error::RepoResult,
    listing::MetaListing,
    repository::Repository,
    small_objects::{self, ListedObject, SmallObject},
    snapshots::{self, SnapshotList},
};

/// Reads the records that the store lists.
pub(super) fn read_listed<'a>(
    repository: &Repository,
    catalog: &mut Catalog,
    objects: impl Iterator<Item = &'a ObjectInfo>,
) -> RepoResult<LogBook> {
    let mut book = LogBook::default();
    for ListedObject { name, hash, content, .. } in
        small_objects::read::<LogRecord>(repository, catalog, objects)?
    {
        book.take_in(RecordReference { name, hash }, content);
    }
    Ok(book)
}

impl SmallObject for LogRecord {
    const KIND: ObjectKind = ObjectKind::Log;
    const BUNDLE: BundleKind = BundleKind::Log;
    type Name = RecordName;
    type Row = StoredRecord;

    fn name_of(key: &str) -> FormatResult<RecordName> {
        parse_log_key(key)
    }

    fn read(name: RecordName, record: &[u8]) -> FormatResult<Self> {
        Self::read(name, record)
    }

    fn row(name: RecordName, version: String, object: Vec<u8>) -> StoredRecord {
        StoredRecord { name, version, object }
    }

    fn parts(row: &StoredRecord) -> (RecordName, &str, &[u8]) {
        (row.name, &row.version, &row.object)
    }

    fn rows(catalog: &Catalog) -> Result<Vec<StoredRecord>, CatalogError> {
        catalog.log_records()
    }

    fn put_rows(catalog: &mut Catalog, rows: &[StoredRecord]) -> Result<(), CatalogError> {
        catalog.put_log_records(rows)
    }

    fn remove_rows(catalog: &mut Catalog, names: &[RecordName]) -> Result<(), CatalogError> {
        catalog.remove_log_records(names)
    }

    fn put_bundle(
        catalog: &mut Catalog,
        bundle: &StoredBundle,
        names: &[RecordName],
    ) -> Result<(), CatalogError> {
        catalog.bundle_log_records(bundle, names)
    }
}

/// Reads the log and the snapshots from a listing.
pub(super) fn read_both(
    repository: &Repository,
    catalog: &mut Catalog,
    listing: &MetaListing,
) -> RepoResult<(LogBook, SnapshotList)> {
    let book = read_listed(repository, catalog, listing.below(LOG_PREFIX))?;
    let list = snapshots::read_listed(repository, catalog, listing.below(SNAPSHOTS_PREFIX))?;
    if [LOG_PREFIX, SNAPSHOTS_PREFIX].iter().all(|prefix| listing.below(prefix).next().is_none()) {
        repository.note_without_snapshots();
    }
    Ok((book, list))
}

/// Returns the state in which each snapshot object was found.
pub(super) fn standings(list: &SnapshotList) -> BTreeMap<RunId, Standing> {
    let readable = list.snapshots.iter().map(|snapshot| {
        let standing = match snapshot_digest(snapshot) {
            Some(digest) => Standing::Complete(digest),
            None if matches!(snapshot.state, SnapshotState::Deleted(_)) => Standing::Deleted,
            None => Standing::Unfinished,
        };
        (snapshot.origin.run, standing)
    });
    let damaged = list.damaged.iter().filter_map(|(key, _)| parse_snapshot_key(key).ok());
    readable.chain(damaged.map(|run| (run, Standing::Unreadable))).collect()
}
