//! Sweeping: what a record names is removed.

use futures_util::{StreamExt, stream};
use icecore_format::{
    collection::{CollectedPack, CollectionRecord, CollectionState},
    ids::{PackName, RunId},
    layout::{directory_key, snapshot_key},
    log::DeletedSnapshot,
    snapshot::SnapshotState,
};
use icecore_repo::{
    collections::StoredCollection,
    error::RepoError,
    log::{LogBook, LogEvents},
};
use icecore_store::{
    StoreError, Version,
    store::{PutCondition, StoreExt},
};

use super::Collector;
use crate::{
    error::{PruneError, PruneResult},
    packs::PackTable,
    plan::{RecordPlan, noted_objects, renewed},
    survey::Survey,
};

/// So many objects are deleted at a time.
const DELETES_MAX: usize = 32;
/// Why a snapshot was deleted, as the log has it for people.
const REASON: &str = "forgotten";

/// What a sweep removed.
#[derive(Debug, Default)]
pub struct SweepReport {
    /// Snapshots whose objects were removed.
    pub snapshots: usize,
    /// Packs of which both objects are gone now.
    pub packs: usize,
    /// Bytes of the objects that were removed.
    pub bytes: u64,
    /// Objects that could not be removed, with the reason; the next collection tries again.
    pub failed: Vec<(String, StoreError)>,
}

impl SweepReport {
    /// Adds what another sweep removed.
    pub(crate) fn add(&mut self, other: Self) {
        self.snapshots += other.snapshots;
        self.packs += other.packs;
        self.bytes += other.bytes;
        self.failed.extend(other.failed);
    }
}

/// An object that is about to be removed.
struct Doomed {
    key: String,
    version: Version,
    bytes: u64,
}

impl Collector<'_> {
    /// Removes what a record names, after a survey that began when everything that it waits for had ended;
    /// nothing if another collector or a rescue changed the record.
    ///
    /// The swap from condemned to sweeping is the point of no return. Then the log names the deleted
    /// snapshots, and their objects go; directories go before packs.
    pub fn sweep(
        &mut self,
        survey: &Survey,
        stored: &StoredCollection,
        planned: &RecordPlan,
    ) -> PruneResult<Option<SweepReport>> {
        self.refresh_if_due()?;
        self.require_listed(survey, &stored.record, planned)?;
        let Some(stored) = self.begin_sweep(survey, stored, planned)? else { return Ok(None) };
        let record = &stored.record;
        let mut report = SweepReport::default();
        self.name_deleted(survey, record)?;
        let snapshots = doomed_snapshots(survey, record);
        let removed = self.remove(&snapshots, &mut report)?;
        report.snapshots = removed;
        let packs: Vec<&CollectedPack> =
            record.packs.iter().filter(|pack| planned.spared.binary_search(&pack.name).is_err()).collect();
        let (directories, objects) = doomed_packs(&survey.packs, &packs);
        self.remove(&directories, &mut report)?;
        if report.failed.is_empty() {
            let removed = self.remove(&objects, &mut report)?;
            report.packs = removed;
        }
        let names: Vec<PackName> = packs.iter().map(|pack| pack.name).collect();
        self.catalog.remove_packs(&names)?;
        Ok(Some(report))
    }

    /// Makes sure that objects which the record names and the listing lacks do not exist. Before the sweep,
    /// nobody removes them; after its beginning, the directories of packs that are still there are gone. Else
    /// packs would go before their directories.
    fn require_listed(
        &self,
        survey: &Survey,
        record: &CollectionRecord,
        planned: &RecordPlan,
    ) -> PruneResult<()> {
        let mut unlisted = Vec::new();
        let left = record.packs.iter().filter(|pack| planned.spared.binary_search(&pack.name).is_err());
        for pack in left {
            let listed = survey.packs.number(pack.name).map(|number| survey.packs.get(number));
            let has_pack = listed.is_some_and(|listed| listed.pack.is_some());
            let has_directory = listed.is_some_and(|listed| listed.directory.is_some());
            let is_condemned = record.state == CollectionState::Condemned;
            if pack.directory_version.is_some() && !has_directory && (is_condemned || has_pack) {
                unlisted.push(directory_key(pack.name));
            }
            if pack.pack_version.is_some() && !has_pack && is_condemned {
                unlisted.push(pack.key());
            }
        }
        let store = self.repository.store();
        let looks = stream::iter(&unlisted).map(|key| store.exists(key));
        let looks = looks.buffer_unordered(DELETES_MAX).collect::<Vec<_>>();
        for exists in self.repository.environment().runtime.block_on(looks) {
            if exists.map_err(RepoError::from)? {
                return Err(PruneError::ListingIncomplete);
            }
        }
        Ok(())
    }

    /// Swaps the record to state sweeping, without what is spared and with the versions that are listed now:
    /// a run that it waited for may have stored a directory since.
    fn begin_sweep(
        &mut self,
        survey: &Survey,
        stored: &StoredCollection,
        planned: &RecordPlan,
    ) -> PruneResult<Option<StoredCollection>> {
        if stored.record.state == CollectionState::Sweeping {
            return Ok(Some(stored.clone()));
        }
        let is_left = |name: &PackName| planned.spared.binary_search(name).is_err();
        let packs = stored.record.packs.iter().filter(|pack| is_left(&pack.name));
        let packs = packs.filter_map(|pack| renewed(&survey.packs, pack)).collect();
        let mut deleted = stored.record.deleted.clone();
        deleted.retain(|run| !planned.spared_snapshots.contains(run));
        let state = CollectionState::Sweeping;
        let record = CollectionRecord { state, packs, deleted, ..stored.record.clone() };
        self.put(record, PutCondition::Version(stored.version.clone()))
    }

    /// Names the deleted snapshots in the log, unless a record of it does.
    fn name_deleted(&mut self, survey: &Survey, record: &CollectionRecord) -> PruneResult<()> {
        let time = self.repository.environment().now();
        let is_unnamed = |run: &RunId| !survey.log.history().is_gone(*run);
        let unnamed = record.deleted.iter().copied().filter(is_unnamed);
        let deleted: Vec<DeletedSnapshot> =
            unnamed.map(|run| DeletedSnapshot { run, reason: REASON.to_owned(), time }).collect();
        if deleted.is_empty() {
            return Ok(());
        }
        let events = LogEvents { deleted, ..LogEvents::default() };
        let mut book = LogBook::read(&self.repository, self.catalog)?;
        book.append(&self.repository, Some(&mut *self.catalog), &mut self.author, events)?;
        Ok(())
    }

    /// Removes objects, several at a time; returns how many are gone.
    fn remove(&mut self, objects: &[Doomed], report: &mut SweepReport) -> PruneResult<usize> {
        let mut removed = 0;
        for some in objects.chunks(DELETES_MAX * 8) {
            self.refresh_if_due()?;
            let store = self.repository.store();
            let deletes = stream::iter(some).map(|object| async move {
                (object, store.delete(&object.key, Some(object.version.clone())).await)
            });
            let results = deletes.buffer_unordered(DELETES_MAX).collect::<Vec<_>>();
            for (object, result) in self.repository.environment().runtime.block_on(results) {
                match result {
                    Ok(()) | Err(StoreError::NotFound { .. }) => {
                        removed += 1;
                        report.bytes += object.bytes;
                    }
                    Err(StoreError::Interrupted) => return Err(RepoError::Interrupted.into()),
                    Err(error) => report.failed.push((object.key.clone(), error)),
                }
            }
        }
        Ok(removed)
    }
}

/// Returns the objects of the deleted snapshots, as they were surveyed.
fn doomed_snapshots(survey: &Survey, record: &CollectionRecord) -> Vec<Doomed> {
    let is_deleted = |run: &RunId| {
        let snapshot = survey.snapshots.by_run(*run);
        snapshot.is_some_and(|snapshot| matches!(snapshot.state, SnapshotState::Deleted(_)))
    };
    let runs = record.deleted.iter().filter(|run| is_deleted(run));
    let objects = runs.filter_map(|run| Some((snapshot_key(*run), survey.snapshot_objects.get(run)?)));
    let doomed =
        objects.map(|(key, object)| Doomed { key, version: object.version.clone(), bytes: object.size });
    doomed.collect()
}

/// Returns the directories and the pack objects of packs, in the versions that the record has noted.
fn doomed_packs(packs: &PackTable, collected: &[&CollectedPack]) -> (Vec<Doomed>, Vec<Doomed>) {
    let objects = collected.iter().flat_map(|pack| {
        let directory = directory_key(pack.name);
        noted_objects(packs, pack).into_iter().map(move |object| (object.key == directory, object))
    });
    let (directories, packs): (Vec<_>, Vec<_>) = objects.partition(|(is_directory, _)| *is_directory);
    let doomed = |objects: Vec<(bool, &icecore_store::ObjectInfo)>| {
        let objects = objects.into_iter().map(|(_, object)| object);
        let doomed = objects.map(|object| Doomed {
            key: object.key.clone(),
            version: object.version.clone(),
            bytes: object.size,
        });
        doomed.collect()
    };
    (doomed(directories), doomed(packs))
}
