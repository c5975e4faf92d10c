//! Reading snapshots, and finding the one that is meant.

use icecore_catalog::{Catalog, StoredSnapshot};
use icecore_format::{
    ids::RunId,
    layout::{SNAPSHOTS_PREFIX, parse_snapshot_key},
    limits::RECORD_OBJECT_BYTES_MAX,
    snapshot::{Level, Snapshot},
};

use icecore_store::ObjectInfo;

use crate::{
    compaction,
    error::{RepoError, RepoResult},
    index::recovering,
    repository::Repository,
};

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
    let mut missing = Vec::new();
    for object in objects {
        let Ok(run) = parse_snapshot_key(&object.key) else {
            tracing::debug!(key = ?object.key, "foreign object among the snapshots");
            continue;
        };
        match cached.remove(&run) {
            Some((version, bytes)) if version == object.version.0 => {
                match Snapshot::open(repository.keys(), run, &bytes) {
                    Ok(snapshot) => list.snapshots.push(snapshot),
                    Err(source) => {
                        let key = object.key.clone();
                        list.damaged.push((key.clone(), RepoError::Object { key, source }));
                    }
                }
            }
            _ => missing.push(object),
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
    list.snapshots.sort_by_key(|snapshot| snapshot.origin.run);
    list.damaged.sort_by(|(left, _), (right, _)| left.cmp(right));
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
