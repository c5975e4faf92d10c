//! Reading snapshots, and finding the one that is meant.

use icecore_catalog::Catalog;
use icecore_format::{
    ids::RunId,
    layout::{SNAPSHOTS_PREFIX, parse_snapshot_key},
    limits::RECORD_OBJECT_BYTES_MAX,
    snapshot::{Level, Snapshot},
};

use icecore_store::ObjectInfo;

use crate::{
    error::{RepoError, RepoResult},
    index::recovering,
    repository::Repository,
};

/// Snapshots fetched at a time.
const FETCH_CONCURRENCY: usize = 16;

/// All snapshot objects of a repository.
#[derive(Debug, Default)]
pub struct SnapshotList {
    /// Snapshots in every state, in the order of their runs' names (that is, of their start).
    pub snapshots: Vec<Snapshot>,
    /// Objects that could not be read, with the reason.
    pub damaged: Vec<(String, RepoError)>,
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
    let mut cached: std::collections::HashMap<RunId, (String, Vec<u8>)> = catalog
        .snapshots()?
        .into_iter()
        .map(|stored| (stored.run, (stored.version, stored.object)))
        .collect();
    let mut list = SnapshotList::default();
    let mut opened = Vec::new();
    let mut missing = Vec::new();
    for object in objects {
        let Ok(run) = parse_snapshot_key(&object.key) else {
            tracing::debug!(key = ?object.key, "foreign object among the snapshots");
            continue;
        };
        match cached.remove(&run) {
            Some((version, bytes)) if version == object.version.0 => {
                opened.push((run, object.key.clone(), Snapshot::open(repository.keys(), run, &bytes)));
            }
            _ => missing.push((run, object.key.clone(), object.version.0.clone())),
        }
    }
    let keys: Vec<String> = missing.iter().map(|(_, key, _)| key.clone()).collect();
    for ((run, key, version), fetched) in
        missing.into_iter().zip(repository.get_many(&keys, RECORD_OBJECT_BYTES_MAX, FETCH_CONCURRENCY))
    {
        match fetched {
            Ok(bytes) => {
                let snapshot = Snapshot::open(repository.keys(), run, &bytes);
                // What cannot be read is fetched again next time: it may have been damaged on its way here.
                if snapshot.is_ok() {
                    catalog.put_snapshot(run, &version, &bytes)?;
                }
                opened.push((run, key, snapshot));
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    let vanished: Vec<RunId> = cached.into_keys().collect();
    catalog.remove_snapshots(&vanished)?;
    opened.sort_by_key(|(run, ..)| *run);
    for (_, key, snapshot) in opened {
        match snapshot {
            Ok(snapshot) => list.snapshots.push(snapshot),
            Err(source) => {
                let error = RepoError::Object { key: key.clone(), source };
                list.damaged.push((key, error));
            }
        }
    }
    Ok(list)
}

impl SnapshotList {
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
