//! The handle that removes packs. Whoever holds none only reads.
//!
//! Its methods have the names of the steps of decision 0024, and of the model.

mod sweep;

use std::time::SystemTime;

use bytes::Bytes;
use icecore_catalog::Catalog;
use icecore_format::{
    collection::{CollectionRecord, CollectionState},
    header::Header,
    ids::{CollectionNumber, PackName, RunId},
    layout::{HEADER_KEY, SNAPSHOTS_PREFIX, collection_key, snapshot_key},
    limits::RECORD_OBJECT_BYTES_MAX,
    snapshot::{DedupScope, Level, Snapshot, SnapshotOrigin, SnapshotState},
};
use icecore_repo::{
    collections::StoredCollection, error::RepoError, lease::Lease, log::LogAuthor, repository::Repository,
    snapshots,
};
use icecore_store::{
    StoreError, Version,
    store::{PutCondition, StoreExt},
};

pub use self::sweep::SweepReport;
use crate::{
    error::{PruneError, PruneResult},
    live::LiveChunks,
    plan::{NewRecord, RecordPlan},
    repack::{RepackPlan, RepackReport, rewrite, unproven},
    sources::{self, PRUNE_SOURCE, REPACK_SOURCE},
    survey::{Survey, is_pending},
};

/// The removal of packs at work: the only thing that deletes packs because nothing needs them.
///
/// It is a run like that of a backup, with a pending snapshot that every listing must have.
#[derive(Debug)]
pub struct Collector<'c> {
    repository: Repository,
    catalog: &'c mut Catalog,
    lease: Lease,
    author: LogAuthor,
}

impl<'c> Collector<'c> {
    /// Announces the run. `author` writes into the log what is deleted.
    pub fn announce(
        repository: &Repository,
        catalog: &'c mut Catalog,
        author: LogAuthor,
    ) -> PruneResult<Self> {
        if repository.header().read_only {
            return Err(RepoError::NewerMaintenance.into());
        }
        let environment = repository.environment();
        let mut random = [0; 10];
        environment.entropy.fill(&mut random);
        let lease = announce(repository, sources::collector_run(random), PRUNE_SOURCE, &author)?;
        Ok(Self { repository: repository.clone(), catalog, lease, author })
    }

    /// Returns the own run.
    pub fn run(&self) -> RunId {
        self.lease.snapshot().origin.run
    }

    /// Returns the author of the log with the last record that was written.
    pub fn author(&self) -> &LogAuthor {
        &self.author
    }

    /// Returns the catalogue.
    pub fn catalog(&mut self) -> &mut Catalog {
        self.catalog
    }

    /// Shows that the run is alive, if it is due.
    pub fn refresh_if_due(&mut self) -> PruneResult<()> {
        self.repository.environment().proceed()?;
        Ok(self.lease.refresh_if_due()?)
    }

    /// Copies what snapshots need of packs into new ones, in a run of its own. The packs stay until a
    /// collection removes them.
    pub fn repack(
        &mut self,
        survey: &Survey,
        plan: &RepackPlan,
        live: &LiveChunks,
    ) -> PruneResult<RepackReport> {
        self.refresh_if_due()?;
        let run = self.repository.environment().run_id();
        let mut lease = announce(&self.repository, run, REPACK_SOURCE, &self.author)?;
        match rewrite(&self.repository, self.catalog, &mut lease, survey, plan, live) {
            Ok(report) => {
                lease.abort("it has copied packs, and makes no snapshot")?;
                Ok(report)
            }
            Err(error) => {
                lease.abort(&error.to_string())?;
                Err(error)
            }
        }
    }

    /// Returns those of the packs to prove of a record that must stay.
    pub fn unproven(&mut self, survey: &Survey, planned: &RecordPlan) -> PruneResult<Vec<PackName>> {
        if planned.to_prove.is_empty() {
            return Ok(Vec::new());
        }
        self.refresh_if_due()?;
        unproven(&self.repository, self.catalog, survey, &planned.to_prove)
    }

    /// Creates the next record; nothing if another collector was faster.
    ///
    /// Before the first one, the header gets the feature that keeps older programs from writing.
    pub fn condemn(&mut self, survey: &Survey, new: NewRecord) -> PruneResult<Option<StoredCollection>> {
        self.refresh_if_due()?;
        self.set_feature()?;
        let last = survey.records.last().map(|stored| stored.record.number);
        let number = last.map_or(Some(CollectionNumber::FIRST), CollectionNumber::next);
        let number = number.ok_or(PruneError::CollectionNumbers)?;
        let record = CollectionRecord {
            number,
            state: CollectionState::Condemned,
            run: self.run(),
            written: self.repository.environment().now(),
            host: self.author.host.clone(),
            packs: new.packs,
            deleted: new.deleted,
            waiting: None,
            dead_runs: new.dead_runs,
            cleared_runs: new.cleared_runs,
        };
        self.put(record, PutCondition::Absent)
    }

    /// Adds the list of the runs that a record waits for: those that are pending after it was created.
    /// Nothing if another collector changed the record.
    pub fn note_waiting(&mut self, stored: &StoredCollection) -> PruneResult<Option<StoredCollection>> {
        self.refresh_if_due()?;
        let environment = self.repository.environment();
        let listed = environment.runtime.block_on(self.repository.store().list(SNAPSHOTS_PREFIX));
        let listed = listed.map_err(RepoError::from)?;
        let own = snapshot_key(self.run());
        if listed.iter().all(|object| object.key != own) {
            return Err(PruneError::ListingIncomplete);
        }
        let list = snapshots::list_from(&self.repository, self.catalog, &listed)?;
        if let Some((key, _)) = list.damaged.first() {
            return Err(PruneError::SnapshotUnreadable { key: key.clone() });
        }
        let is_writer = |snapshot: &&Snapshot| is_pending(snapshot) && snapshot.origin.source != PRUNE_SOURCE;
        let pending = list.snapshots.iter().filter(is_writer);
        let mut waiting: Vec<RunId> = pending.map(|snapshot| snapshot.origin.run).collect();
        waiting.sort_unstable();
        let record = CollectionRecord { waiting: Some(waiting), ..stored.record.clone() };
        self.put(record, PutCondition::Version(stored.version.clone()))
    }

    /// Ends a run that shows no sign of life, if it is still as it was surveyed; returns whether it did.
    pub fn fence(&mut self, survey: &Survey, run: RunId) -> PruneResult<bool> {
        self.refresh_if_due()?;
        let (Some(snapshot), Some(object)) =
            (survey.snapshots.by_run(run), survey.snapshot_objects.get(&run))
        else {
            return Ok(false);
        };
        let reason = format!("ended by the removal of packs on {}: no sign of life", self.author.host);
        let origin = snapshot.origin.clone();
        let ended = Snapshot { origin, state: SnapshotState::Aborted { reason } };
        let sealed = ended.seal(self.repository.keys(), &self.repository.environment().salt());
        let sealed = sealed.map_err(RepoError::from)?;
        let condition = PutCondition::Version(object.version.clone());
        Ok(swap(&self.repository, &snapshot_key(run), &sealed, condition)?.is_some())
    }

    /// Takes out of a record in state condemned what is needed after all. Nothing if another collector
    /// changed it.
    pub fn spare(
        &mut self,
        stored: &StoredCollection,
        planned: &RecordPlan,
    ) -> PruneResult<Option<StoredCollection>> {
        let mut record = stored.record.clone();
        record.packs.retain(|pack| planned.spared.binary_search(&pack.name).is_err());
        record.deleted.retain(|run| !planned.spared_snapshots.contains(run));
        self.put(record, PutCondition::Version(stored.version.clone()))
    }

    /// Removes a record of which nothing is left.
    pub fn close(&mut self, stored: &StoredCollection) -> PruneResult<()> {
        self.refresh_if_due()?;
        self.delete(&collection_key(stored.record.number), &stored.version)
    }

    /// Removes the object of an interrupted run of which nothing else is left.
    pub fn clear(&mut self, survey: &Survey, run: RunId) -> PruneResult<()> {
        self.refresh_if_due()?;
        match survey.snapshot_objects.get(&run) {
            Some(object) => self.delete(&snapshot_key(run), &object.version),
            None => Ok(()),
        }
    }

    /// Ends the own run: nothing is left of it.
    pub fn finish(self) -> PruneResult<()> {
        let (version, _) = self.lease.stop();
        self.delete(&snapshot_key(self.run()), &version)
    }

    fn delete(&self, key: &str, version: &Version) -> PruneResult<()> {
        let delete = self.repository.store().delete(key, Some(version.clone()));
        match self.repository.environment().runtime.block_on(delete) {
            Ok(()) | Err(StoreError::NotFound { .. } | StoreError::VersionMismatch { .. }) => Ok(()),
            Err(error) => Err(RepoError::from(error).into()),
        }
    }

    /// Writes a record; nothing if somebody else was faster.
    fn put(
        &self,
        record: CollectionRecord,
        condition: PutCondition,
    ) -> PruneResult<Option<StoredCollection>> {
        let version = put_record(&self.repository, &record, condition)?;
        Ok(version.map(|version| StoredCollection { record, version, modified: SystemTime::UNIX_EPOCH }))
    }

    fn set_feature(&self) -> PruneResult<()> {
        let (environment, store) = (self.repository.environment(), self.repository.store());
        loop {
            let found = environment.runtime.block_on(store.get_versioned(HEADER_KEY));
            let (object, version) = found.map_err(RepoError::from)?;
            let object = &object[..object.len().min(RECORD_OBJECT_BYTES_MAX as usize)];
            let replacement = Header::with_collections(self.repository.keys(), object, &environment.salt());
            let replacement = replacement.map_err(RepoError::from)?;
            let Some(replacement) = replacement else { return Ok(()) };
            if swap(&self.repository, HEADER_KEY, &replacement, PutCondition::Version(version))?.is_some() {
                return Ok(());
            }
            // Somebody else has changed it: perhaps to the same.
        }
    }
}

/// Announces a run that makes no snapshot.
fn announce(repository: &Repository, run: RunId, source: &str, author: &LogAuthor) -> PruneResult<Lease> {
    let now = repository.environment().now();
    let origin = SnapshotOrigin {
        run,
        source: source.to_owned(),
        host: author.host.clone(),
        root: Vec::new(),
        command: Vec::new(),
        started: now,
        level: Level::Incremental,
        dedup: DedupScope::Repository,
        group: run,
        base: None,
        tags: std::collections::BTreeMap::new(),
        program: author.program.clone(),
        copy_of: None,
        sequence: 0,
    };
    let state = SnapshotState::Pending { refreshed: now };
    Ok(Lease::announce(repository.clone(), Snapshot { origin, state })?)
}

/// Writes the record of a collection; nothing if somebody else was faster.
pub(crate) fn put_record(
    repository: &Repository,
    record: &CollectionRecord,
    condition: PutCondition,
) -> PruneResult<Option<Version>> {
    let salt = repository.environment().salt();
    let object = record.seal(repository.keys(), &salt).map_err(RepoError::from)?;
    swap(repository, &collection_key(record.number), &object, condition)
}

/// Writes an object if the condition holds; nothing if it does not. An attempt whose reply was lost counts.
fn swap(
    repository: &Repository,
    key: &str,
    object: &[u8],
    condition: PutCondition,
) -> PruneResult<Option<Version>> {
    let (environment, store) = (repository.environment(), repository.store());
    let put = store.put(key, Bytes::copy_from_slice(object), condition);
    match environment.runtime.block_on(put) {
        Ok(version) => Ok(Some(version)),
        Err(
            StoreError::VersionMismatch { .. }
            | StoreError::AlreadyExists { .. }
            | StoreError::NotFound { .. },
        ) => {
            let found = environment.runtime.block_on(store.get_if_exists(key)).map_err(RepoError::from)?;
            Ok(found.filter(|(bytes, _)| bytes == object).map(|(_, version)| version))
        }
        Err(error) => Err(RepoError::from(error).into()),
    }
}
