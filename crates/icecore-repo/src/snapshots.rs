//! Reading snapshots, and finding the one that is meant.
//!
//! The snapshots of a source have the order in which they were made, which each of them carries as a number: clocks may be
//! wrong. [`SnapshotList::doubtful_times`] finds the times that contradict it.

mod order;
mod times;

use std::collections::HashMap;

use icecore_catalog::{Catalog, StoredSnapshot};
use icecore_format::{
    entry::Time,
    ids::RunId,
    layout::{SNAPSHOTS_PREFIX, parse_snapshot_key},
    limits::{RECORD_OBJECT_BYTES_MAX, SEQUENCE_MAX},
    snapshot::{Level, Snapshot},
};

use icecore_store::ObjectInfo;
use rayon::prelude::*;

pub use times::{CLOCK_TOLERANCE, ClockError};

use crate::{
    compaction,
    environment::time_of,
    error::{RepoError, RepoResult},
    index::recovering,
    repository::Repository,
};

/// Small objects that one thread opens before another one is worth its while.
pub(crate) const OPENED_IN_A_ROW_MIN: usize = 128;

/// All snapshot objects of a repository.
#[derive(Debug, Default)]
pub struct SnapshotList {
    /// Snapshots in every state. Those of one source are in the order in which they were made, and take the places that
    /// they would have in the order of all runs' names (that is, of the times at which they started).
    pub snapshots: Vec<Snapshot>,
    /// Objects that could not be read, with the reason.
    pub damaged: Vec<(String, RepoError)>,
    /// When the objects were written, by the store's clock.
    pub written: HashMap<RunId, Time>,
}

/// Reads all snapshots; those that the catalogue has in the same version are not fetched.
pub fn list(repository: &Repository, catalog: &mut Catalog) -> RepoResult<SnapshotList> {
    recovering(catalog, |catalog| {
        let objects = repository.environment().runtime.block_on(repository.store().list(SNAPSHOTS_PREFIX))?;
        read_listed(repository, catalog, objects.iter())
    })
}

/// Reads the snapshots that the store lists.
pub(crate) fn read_listed<'a>(
    repository: &Repository,
    catalog: &mut Catalog,
    objects: impl Iterator<Item = &'a ObjectInfo>,
) -> RepoResult<SnapshotList> {
    let mut cached: HashMap<RunId, (String, Vec<u8>)> = catalog
        .snapshots()?
        .into_iter()
        .map(|stored| (stored.run, (stored.version, stored.object)))
        .collect();
    let mut list = SnapshotList::default();
    let (mut known, mut missing) = (Vec::new(), Vec::new());
    for object in objects {
        let Ok(run) = parse_snapshot_key(&object.key) else {
            tracing::debug!(key = ?object.key, "foreign object among the snapshots");
            continue;
        };
        list.written.insert(run, time_of(object.modified));
        match cached.remove(&run) {
            Some((version, bytes)) if version == object.version.0 => known.push((object, run, bytes)),
            _ => missing.push(object),
        }
    }
    let open = || {
        let known = known.par_iter().with_min_len(OPENED_IN_A_ROW_MIN);
        known.map(|(_, run, bytes)| Snapshot::open(repository.keys(), *run, bytes)).collect::<Vec<_>>()
    };
    for ((object, ..), opened) in known.iter().zip(repository.environment().workers.install(open)) {
        match opened {
            Ok(snapshot) => list.snapshots.push(snapshot),
            Err(source) => {
                let key = object.key.clone();
                list.damaged.push((key.clone(), RepoError::Object { key, source }));
            }
        }
    }
    let mut fetched = Vec::new();
    list.damaged.extend(compaction::fetch(repository, missing, RECORD_OBJECT_BYTES_MAX, |object, bytes| {
        let opened = parse_snapshot_key(&object.key)
            .and_then(|run| Ok((run, Snapshot::open(repository.keys(), run, bytes)?)));
        Ok(opened.map(|(run, snapshot)| {
            list.snapshots.push(snapshot);
            let (version, object) = (object.version.0.clone(), bytes.to_vec());
            fetched.push(StoredSnapshot { run, version, object });
        }))
    })?);
    // What cannot be read is fetched again next time: it may have been damaged on its way here.
    catalog.put_snapshots(&fetched)?;
    let vanished: Vec<RunId> = cached.into_keys().collect();
    catalog.remove_snapshots(&vanished)?;
    order::arrange(&mut list.snapshots);
    list.damaged.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(list)
}

impl SnapshotList {
    /// Makes a list of snapshots in any order; nothing is known of when their objects were written.
    pub fn of(mut snapshots: Vec<Snapshot>) -> Self {
        order::arrange(&mut snapshots);
        Self { snapshots, ..Self::default() }
    }

    /// Returns the number of the next snapshot of a source: one more than the largest of any host, in any state.
    pub fn next_sequence(&self, source: &str) -> u64 {
        let of_source = self.snapshots.iter().filter(|snapshot| snapshot.origin.source == source);
        let largest = of_source.map(|snapshot| snapshot.origin.place().0).max().unwrap_or(0);
        // Where somebody has used up the numbers, the names of the runs decide, as they did before there were numbers.
        (largest + 1).min(SEQUENCE_MAX)
    }

    /// Returns the complete snapshots of a source, oldest first; all sources if none is named.
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
