//! The listings of a survey, and what they say about each other.

use std::{
    collections::{BTreeMap, HashSet},
    time::{Duration, SystemTime},
};

use icecore_catalog::Catalog;
use icecore_format::{
    ids::RunId,
    layout::{
        DATA_PREFIX, LOG_PREFIX, MANIFEST_PREFIX, PACKS_PREFIX, SNAPSHOTS_PREFIX, parse_snapshot_key,
        snapshot_key,
    },
};
use icecore_repo::{
    collections::{self, StoredCollection},
    error::RepoResult,
    repository::Repository,
    snapshots::{self, SnapshotList},
};
use icecore_store::ObjectInfo;

use super::Doubt;
use crate::error::PruneResult;

/// An object may appear in listings this long after the time that the store gives it.
const APPEARANCE: Duration = Duration::from_mins(5);

/// All objects of a repository that a survey looks at.
pub(super) struct Listings {
    /// Records of the log; listed before the snapshots.
    pub log: Vec<ObjectInfo>,
    /// Snapshots; listed before what they refer to.
    pub snapshots: Vec<ObjectInfo>,
    /// Records of collections, by number; read before the snapshots are listed.
    pub records: Vec<StoredCollection>,
    /// Pack directories.
    pub directories: Vec<ObjectInfo>,
    /// Packs of manifest nodes and of data.
    pub packs: Vec<ObjectInfo>,
    /// Snapshots, listed once more at the end.
    pub snapshots_again: Vec<ObjectInfo>,
    own: Option<String>,
}

impl Listings {
    /// Lists everything for the run `own`, if there is one, and reads the snapshots.
    pub fn read(
        repository: &Repository,
        catalog: &mut Catalog,
        own: Option<RunId>,
    ) -> PruneResult<(Self, SnapshotList)> {
        let list = |prefix| -> RepoResult<Vec<ObjectInfo>> {
            let environment = repository.environment();
            environment.proceed()?;
            Ok(environment.runtime.block_on(repository.store().list(prefix))?)
        };
        let log = list(LOG_PREFIX)?;
        // Whatever a record waits for has ended before the snapshots are listed that prove what is needed. If
        // a record were read later, another collector might have written it, with its wait list, in between;
        // and a run that ended in between would be in neither.
        let records = collections::list(repository)?;
        // A snapshot that is complete when it is read refers to packs that are listed afterwards; and the run
        // of a pack that is listed later is listed in the end.
        let snapshots = list(SNAPSHOTS_PREFIX)?;
        let read = snapshots::list_from(repository, catalog, &snapshots)?;
        let directories = list(PACKS_PREFIX)?;
        let packs = [list(MANIFEST_PREFIX)?, list(DATA_PREFIX)?].concat();
        let snapshots_again = list(SNAPSHOTS_PREFIX)?;
        let own = own.map(snapshot_key);
        Ok((Self { log, snapshots, records, directories, packs, snapshots_again, own }, read))
    }

    /// Returns the time of the store's clock when the own run was announced or refreshed; nothing if it is
    /// not listed.
    pub fn now(&self) -> Option<SystemTime> {
        let own = self.own.as_ref()?;
        Some(self.snapshots.iter().find(|object| object.key == *own)?.modified)
    }

    /// Returns the runs whose snapshot objects are in any listing.
    pub fn runs(&self) -> HashSet<RunId> {
        let objects = self.snapshots.iter().chain(&self.snapshots_again);
        objects.filter_map(|object| parse_snapshot_key(&object.key).ok()).collect()
    }

    /// Compares the two listings of the snapshots, which are all that a truncated listing could make look
    /// unused.
    ///
    /// `is_removable` says whether another collection may remove the snapshot object of a run meanwhile.
    pub fn doubts(&self, is_removable: impl Fn(RunId) -> bool) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        let is_missing = |own: &String| {
            self.now().is_none() || self.snapshots_again.iter().all(|object| object.key != *own)
        };
        if self.own.as_ref().is_some_and(is_missing) {
            doubts.push(Doubt::OwnRunNotListed);
        }
        let again: BTreeMap<&str, &ObjectInfo> =
            self.snapshots_again.iter().map(|object| (object.key.as_str(), object)).collect();
        let first: HashSet<&str> = self.snapshots.iter().map(|object| object.key.as_str()).collect();
        let run = |key: &str| parse_snapshot_key(key).ok();
        for object in &self.snapshots {
            let Some(run) = run(&object.key) else { continue };
            if !again.contains_key(object.key.as_str()) && !is_removable(run) {
                doubts.push(Doubt::ListedOnce { run });
            }
        }
        let Some(now) = self.now() else { return doubts };
        for (key, object) in again {
            // What was written about when the own run was announced may have appeared after the first
            // listing.
            let is_older = object.modified + APPEARANCE < now;
            if let Some(run) = run(key).filter(|_| !first.contains(key) && is_older) {
                doubts.push(Doubt::ListedOnce { run });
            }
        }
        doubts
    }
}
