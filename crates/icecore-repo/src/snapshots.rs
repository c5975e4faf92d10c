//! Reading snapshots, and finding the right one.
//!
//! The snapshots of a source are in the order in which they were made. Each snapshot holds its number in this
//! order, because clocks may be wrong. [`SnapshotList::doubtful_times`] finds the times that contradict it.

mod change;
mod order;
mod times;

use std::collections::HashMap;

use icecore_catalog::{BundleKind, Catalog, CatalogError, StoredBundle, StoredSnapshot};
use icecore_format::{
    entry::Time,
    error::FormatResult,
    ids::RunId,
    layout::{SNAPSHOTS_PREFIX, parse_snapshot_key},
    limits::SEQUENCE_MAX,
    seal::ObjectKind,
    snapshot::{Level, Snapshot},
};
use icecore_store::ObjectInfo;

pub use change::{change, stored};
pub use times::{CLOCK_TOLERANCE, ClockError};

use crate::{
    environment::time_of,
    error::{RepoError, RepoResult},
    recovery::recovering,
    repository::Repository,
    small_objects::{self, ListedObject, SmallObject},
};

/// All snapshot objects of a repository.
#[derive(Debug, Default)]
pub struct SnapshotList {
    /// Snapshots in every state. Those of one source are in the order in which they were made, in the
    /// positions that they would have in the order of all runs' names (that is, of their start times).
    pub snapshots: Vec<Snapshot>,
    /// Objects that could not be read, with the reason.
    pub damaged: Vec<(String, RepoError)>,
    /// When the objects were written, by the store's clock.
    pub written: HashMap<RunId, Time>,
}

/// Reads all snapshots; does not fetch those that the catalogue has in the listed version.
pub fn list(repository: &Repository, catalog: &mut Catalog) -> RepoResult<SnapshotList> {
    recovering(catalog, |catalog| {
        let objects = repository.environment().runtime.block_on(repository.store().list(SNAPSHOTS_PREFIX))?;
        read_listed(repository, catalog, objects.iter())
    })
}

/// Reads the snapshots from a listing that the caller has; ignores other objects in it.
pub fn list_from(
    repository: &Repository,
    catalog: &mut Catalog,
    listed: &[ObjectInfo],
) -> RepoResult<SnapshotList> {
    recovering(catalog, |catalog| {
        let objects = listed.iter().filter(|object| object.key.starts_with(SNAPSHOTS_PREFIX));
        read_listed(repository, catalog, objects)
    })
}

/// Returns the sealed snapshots that this host saw last, for restoring damaged objects.
pub fn known_copies(repository: &Repository, catalog: &mut Catalog) -> RepoResult<Vec<Vec<u8>>> {
    small_objects::copies::<Snapshot>(repository, catalog)
}

/// Reads the snapshots that the store lists.
pub(crate) fn read_listed<'a>(
    repository: &Repository,
    catalog: &mut Catalog,
    objects: impl Iterator<Item = &'a ObjectInfo>,
) -> RepoResult<SnapshotList> {
    let mut list = SnapshotList::default();
    for ListedObject { object, name, content, .. } in
        small_objects::read::<Snapshot>(repository, catalog, objects)?
    {
        list.written.insert(name, time_of(object.modified));
        match content {
            Ok(snapshot) => list.snapshots.push(snapshot),
            Err(error) => list.damaged.push((object.key.clone(), error)),
        }
    }
    order::arrange(&mut list.snapshots);
    list.damaged.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(list)
}

impl SmallObject for Snapshot {
    const KIND: ObjectKind = ObjectKind::Snapshot;
    const BUNDLE: BundleKind = BundleKind::Snapshots;
    type Name = RunId;
    type Row = StoredSnapshot;

    fn name_of(key: &str) -> FormatResult<RunId> {
        parse_snapshot_key(key)
    }

    fn read(run: RunId, record: &[u8]) -> FormatResult<Self> {
        Self::read(run, record)
    }

    fn row(run: RunId, version: String, object: Vec<u8>) -> StoredSnapshot {
        StoredSnapshot { run, version, object }
    }

    fn parts(row: &StoredSnapshot) -> (RunId, &str, &[u8]) {
        (row.run, &row.version, &row.object)
    }

    fn rows(catalog: &Catalog) -> Result<Vec<StoredSnapshot>, CatalogError> {
        catalog.snapshots()
    }

    fn put_rows(catalog: &mut Catalog, rows: &[StoredSnapshot]) -> Result<(), CatalogError> {
        catalog.put_snapshots(rows)
    }

    fn remove_rows(catalog: &mut Catalog, runs: &[RunId]) -> Result<(), CatalogError> {
        catalog.remove_snapshots(runs).map(drop)
    }

    fn put_bundle(catalog: &mut Catalog, bundle: &StoredBundle, runs: &[RunId]) -> Result<(), CatalogError> {
        catalog.bundle_snapshots(bundle, runs)
    }
}

impl SnapshotList {
    /// Makes a list from snapshots in any order, without the times at which their objects were written.
    pub fn of(mut snapshots: Vec<Snapshot>) -> Self {
        order::arrange(&mut snapshots);
        Self { snapshots, ..Self::default() }
    }

    /// Returns the number of the next snapshot of a source: one more than the largest of any host, in any
    /// state.
    pub fn next_sequence(&self, source: &str) -> u64 {
        let of_source = self.snapshots.iter().filter(|snapshot| snapshot.origin.source == source);
        let largest = of_source.map(|snapshot| snapshot.origin.place().0).max().unwrap_or(0);
        // If the numbers are used up, the names of the runs decide, as before there were numbers.
        (largest + 1).min(SEQUENCE_MAX)
    }

    /// Returns the complete snapshots of a source, oldest first, or of all sources if `source` is absent.
    pub fn complete<'a>(&'a self, source: Option<&'a str>) -> impl DoubleEndedIterator<Item = &'a Snapshot> {
        self.snapshots
            .iter()
            .filter(move |snapshot| snapshot.completion().is_some())
            .filter(move |snapshot| source.is_none_or(|source| snapshot.origin.source == source))
    }

    /// Returns the newest complete snapshot of a source on a host.
    pub fn latest_of<'a>(&'a self, source: &'a str, host: &str) -> Option<&'a Snapshot> {
        self.complete(Some(source)).rev().find(|snapshot| snapshot.origin.host == host)
    }

    /// Returns the newest complete full of a source on a host.
    pub fn latest_full_of<'a>(&'a self, source: &'a str, host: &str) -> Option<&'a Snapshot> {
        self.complete(Some(source))
            .rev()
            .find(|snapshot| snapshot.origin.host == host && snapshot.origin.level == Level::Full)
    }

    /// Returns the snapshot of a run, whatever its state.
    pub fn by_run(&self, run: RunId) -> Option<&Snapshot> {
        self.snapshots.iter().find(|snapshot| snapshot.origin.run == run)
    }
}

#[cfg(test)]
mod tests;
