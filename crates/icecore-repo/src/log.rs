//! The log of completed and deleted snapshots: reads it through the catalogue, reports losses, and adds
//! records.

mod reading;

use std::collections::{BTreeMap, BTreeSet};

use icecore_catalog::{Catalog, StoredRecord};
use icecore_format::{
    history::{History, Loss, SeenHistory, Witness},
    ids::{RecordHash, RecordName, RunId, WriterId},
    layout::{LOG_PREFIX, SNAPSHOTS_PREFIX, log_key},
    limits::{LOG_HOLDS_MAX, LOG_ITEMS_MAX, RECORD_OBJECT_BYTES_MAX},
    log::{CompletedSnapshot, DeletedSnapshot, HeldSnapshot, LogRecord, RecordReference},
};
use icecore_store::{
    error::StoreError,
    store::{ObjectInfo, PutCondition, StoreExt},
};

use self::reading::{read_both, read_listed, standings};
use crate::{
    error::{RepoError, RepoResult},
    listing::MetaListing,
    recovery::recovering,
    repository::Repository,
    snapshots::SnapshotList,
};

/// How many numbers are tried if other runs of the same writer take them first.
const ATTEMPTS_MAX: usize = 256;

/// All records of a repository's log.
#[derive(Debug, Default)]
pub struct LogBook {
    history: History,
    /// Highest number of each writer, including records that do not open.
    taken: BTreeMap<WriterId, u32>,
    damaged: Vec<(RecordReference, RepoError)>,
}

/// Who adds to the log.
#[derive(Clone, Debug)]
pub struct LogAuthor {
    /// Name of the writer.
    pub writer: WriterId,
    /// The writer's last record, as far as it knows: its number is never used again, even if the record is
    /// missing.
    pub last: Option<RecordReference>,
    /// Host of the writer.
    pub host: String,
    /// Program and version.
    pub program: String,
}

/// What is to be added to the log.
#[derive(Clone, Debug, Default)]
pub struct LogEvents {
    /// Snapshots that were completed.
    pub completed: Vec<CompletedSnapshot>,
    /// Snapshots that were deleted.
    pub deleted: Vec<DeletedSnapshot>,
    /// Records whose loss is accepted.
    pub lost_records: Vec<RecordReference>,
    /// Snapshots whose loss is accepted.
    pub lost_snapshots: Vec<RunId>,
    /// Holds that were placed.
    pub holds: Vec<HeldSnapshot>,
    /// Snapshots whose holds were released.
    pub releases: Vec<RunId>,
    /// Records that the author has seen and that are missing; from now on, the log itself mentions them.
    pub missed: Vec<RecordReference>,
}

impl LogBook {
    /// Reads the log; records that the catalogue has in the same version are not fetched.
    pub fn read(repository: &Repository, catalog: &mut Catalog) -> RepoResult<Self> {
        recovering(catalog, |catalog| {
            let objects = repository.environment().runtime.block_on(repository.store().list(LOG_PREFIX))?;
            read_listed(repository, catalog, objects.iter())
        })
    }

    /// Reads the log from a listing that the caller has; ignores other objects in it.
    pub fn read_from(
        repository: &Repository,
        catalog: &mut Catalog,
        listed: &[ObjectInfo],
    ) -> RepoResult<Self> {
        recovering(catalog, |catalog| {
            let records = listed.iter().filter(|object| object.key.starts_with(LOG_PREFIX));
            read_listed(repository, catalog, records)
        })
    }

    /// Reads the log and then the snapshots, in the order that [`Self::losses`] needs; with few requests.
    pub fn read_with_snapshots(
        repository: &Repository,
        catalog: &mut Catalog,
    ) -> RepoResult<(Self, SnapshotList)> {
        recovering(catalog, |catalog| {
            let listing = MetaListing::read(repository, catalog, &[LOG_PREFIX, SNAPSHOTS_PREFIX])?;
            read_both(repository, catalog, &listing)
        })
    }

    /// Does the same as [`Self::read_with_snapshots`] with the listing that was made while unlocking the
    /// repository, if there is one; it can be used once. Objects may have been written since that listing, so
    /// read again before you report that something disappeared.
    pub fn read_as_unlocked(
        repository: &Repository,
        catalog: &mut Catalog,
    ) -> RepoResult<Option<(Self, SnapshotList)>> {
        let Some(listing) = MetaListing::as_unlocked(repository) else { return Ok(None) };
        recovering(catalog, |catalog| read_both(repository, catalog, &listing)).map(Some)
    }

    /// Returns what the records say.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Returns the records that do not open, with the hash of the object under their name, unless somebody
    /// has accepted their loss.
    pub fn damaged(&self) -> impl Iterator<Item = &(RecordReference, RepoError)> {
        self.damaged.iter().filter(|(reference, _)| !self.history.is_accepted(reference.name))
    }

    /// Returns the snapshots and records that existed and are missing now. The list must have been read after
    /// the log.
    ///
    /// Before this reports that something disappeared, it reads the log again: a snapshot may just have been
    /// deleted. A record may also have been written while the log was being listed, after the listing passed
    /// its name and before one that refers to it. New snapshots in this second reading are not reported as
    /// missing, because the list is older.
    pub fn losses(
        &mut self,
        repository: &Repository,
        catalog: &mut Catalog,
        list: &SnapshotList,
        seen: &SeenHistory,
    ) -> RepoResult<Vec<Loss>> {
        let standings = standings(list);
        let witnesses: Vec<Witness> = list.complete(None).filter_map(Witness::of).collect();
        let find = |book: &Self| {
            let mut losses = book.history.losses(seen, |run| standings.get(&run).copied());
            losses.extend(book.history.unnamed_losses(seen, &witnesses));
            losses
        };
        let missed: BTreeSet<_> = find(self).iter().map(Loss::what).collect();
        if missed.is_empty() {
            return Ok(Vec::new());
        }
        *self = Self::read(repository, catalog)?;
        Ok(find(self).into_iter().filter(|loss| missed.contains(&loss.what())).collect())
    }

    /// Returns the complete snapshots that no record names: their runs ended before they could write one.
    pub fn unnamed(&self, list: &SnapshotList) -> Vec<CompletedSnapshot> {
        let unnamed = list.complete(None).filter(|snapshot| !self.history.names(snapshot.origin.run));
        unnamed.filter_map(CompletedSnapshot::of).collect()
    }

    /// Adds one record, or several if there are many events; the last of them becomes the author's last
    /// record.
    ///
    /// The first to create an object gets its number. Records that were written before an error stay.
    pub fn append(
        &mut self,
        repository: &Repository,
        mut catalog: Option<&mut Catalog>,
        author: &mut LogAuthor,
        mut events: LogEvents,
    ) -> RepoResult<()> {
        loop {
            let mut record = self.draft(repository, author, &events.missed);
            record.completed = take(&mut events.completed, LOG_ITEMS_MAX);
            record.deleted = take(&mut events.deleted, LOG_ITEMS_MAX);
            record.lost_records = take(&mut events.lost_records, LOG_ITEMS_MAX);
            record.lost_snapshots = take(&mut events.lost_snapshots, LOG_ITEMS_MAX);
            record.holds = take(&mut events.holds, LOG_HOLDS_MAX);
            record.releases = take(&mut events.releases, LOG_ITEMS_MAX);
            let stored = self.put(repository, author, record, &events.missed)?;
            if let Some(Err(error)) = catalog.as_mut().map(|catalog| catalog.put_log_records(&[stored])) {
                // The catalogue is a cache; the next run fetches the record.
                tracing::debug!(%error, "the log record could not be added to the catalogue");
            }
            if events.is_empty() {
                return Ok(());
            }
        }
    }

    /// Makes a record that refers to all known records to which no other one refers.
    fn draft(&self, repository: &Repository, author: &LogAuthor, missed: &[RecordReference]) -> LogRecord {
        let sequence = self.next_sequence(author);
        let name = RecordName { writer: author.writer, sequence };
        let mut record = LogRecord::new(name, repository.environment().now(), &author.host, &author.program);
        record.references = self.references(author, missed);
        record
    }

    fn next_sequence(&self, author: &LogAuthor) -> u32 {
        let known = author.last.map_or(0, |last| last.name.sequence);
        known.max(self.taken.get(&author.writer).copied().unwrap_or(0)).saturating_add(1)
    }

    fn references(&self, author: &LogAuthor, missed: &[RecordReference]) -> Vec<RecordReference> {
        let own = self.history.last_of(author.writer).into_iter();
        // The most important references come first: a list that is too long loses its end.
        let mut references: Vec<RecordReference> = Vec::new();
        for reference in own.chain(missed.iter().copied()).chain(self.history.tips()) {
            if references.len() < LOG_ITEMS_MAX && !references.contains(&reference) {
                references.push(reference);
            }
        }
        references
    }

    /// Stores a record under the first number of its writer that is free.
    fn put(
        &mut self,
        repository: &Repository,
        author: &mut LogAuthor,
        mut record: LogRecord,
        missed: &[RecordReference],
    ) -> RepoResult<StoredRecord> {
        for _ in 0..ATTEMPTS_MAX {
            let object = record.seal(repository.keys(), &repository.environment().salt())?;
            let key = log_key(record.name);
            let version = match repository.put(&key, object.clone().into(), PutCondition::Absent) {
                Ok(version) => version.0,
                Err(RepoError::Store(StoreError::AlreadyExists { .. })) => {
                    let Some(version) = self.look(repository, record.name, &object)? else {
                        record.name.sequence = self.next_sequence(author);
                        record.references = self.references(author, missed);
                        continue;
                    };
                    version
                }
                Err(error) => return Err(error),
            };
            let name = record.name;
            self.insert(record, &object);
            author.last = Some(RecordReference { name, hash: RecordHash::of(&object) });
            return Ok(StoredRecord { name, version, object });
        }
        Err(RepoError::LogContended { writer: author.writer })
    }

    /// Checks who has taken a number. Returns the version if it was this same record, whose reply was lost;
    /// otherwise takes in the other record.
    fn look(
        &mut self,
        repository: &Repository,
        name: RecordName,
        object: &[u8],
    ) -> RepoResult<Option<String>> {
        let (key, store) = (log_key(name), repository.store());
        let runtime = &repository.environment().runtime;
        let found = runtime.block_on(store.get_at_most(&key, RECORD_OBJECT_BYTES_MAX))?;
        if found == object {
            return Ok(Some(runtime.block_on(store.head(&key))?.version.0));
        }
        let opened = LogRecord::open(repository.keys(), name, &found).map_err(RepoError::object(key));
        self.take_in(RecordReference { name, hash: RecordHash::of(&found) }, opened);
        Ok(None)
    }

    /// Takes a stored record in, or notes why it does not open.
    fn take_in(&mut self, reference: RecordReference, record: RepoResult<LogRecord>) {
        self.take_number(reference.name);
        match record {
            Ok(record) => self.history.insert(record, reference.hash),
            Err(error) => self.damaged.push((reference, error)),
        }
    }

    fn insert(&mut self, record: LogRecord, object: &[u8]) {
        self.take_number(record.name);
        self.history.insert(record, RecordHash::of(object));
    }

    fn take_number(&mut self, name: RecordName) {
        let highest = self.taken.entry(name.writer).or_default();
        *highest = name.sequence.max(*highest);
    }
}

impl LogEvents {
    /// Returns whether there is nothing to add.
    pub fn is_empty(&self) -> bool {
        self.completed.is_empty()
            && self.deleted.is_empty()
            && self.lost_records.is_empty()
            && self.lost_snapshots.is_empty()
            && self.holds.is_empty()
            && self.releases.is_empty()
    }
}

/// Takes as many items as fit into one record: at most `most`.
fn take<T>(items: &mut Vec<T>, most: usize) -> Vec<T> {
    items.drain(..items.len().min(most)).collect()
}

#[cfg(test)]
mod tests;
