//! The history that the records of a log describe together, and which of it is lost.

mod holds;

use std::collections::{BTreeMap, BTreeSet};

use self::holds::Holds;
use crate::{
    entry::Time,
    ids::{RecordHash, RecordName, RunId, SnapshotDigest, WriterId},
    limits::LOG_ITEMS_MAX,
    log::{CompletedSnapshot, DeletedSnapshot, LogRecord, RecordReference},
    snapshot::Snapshot,
};

/// State of a repository as a host last saw it, to recognize it again. Everything else follows from it by
/// hash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenHistory {
    /// When the host last saw the repository, by its own clock.
    pub seen: Time,
    /// Records that no other record referred to when they were last seen; at most [`LOG_ITEMS_MAX`].
    pub tips: Vec<RecordReference>,
    /// Newest snapshots of all sources, by run, so that they can be named even if their records are lost,
    /// too.
    pub snapshots: Vec<CompletedSnapshot>,
}

/// State in which a snapshot object was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is complete and has this digest.
    Complete(SnapshotDigest),
    /// It was deleted on purpose.
    Deleted,
    /// It is pending or aborted.
    Unfinished,
    /// It cannot be opened; the error is reported by the code that opens it.
    Unreadable,
}

/// Fate of a snapshot that was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The object is missing, and no record says that it was deleted.
    Vanished,
    /// Its object is pending or aborted, as before its completion.
    Reverted,
    /// It is complete, but differs from the one in the log.
    Altered,
}

/// Something that existed and is missing now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// A snapshot.
    Snapshot {
        /// The snapshot, as it was when complete.
        snapshot: CompletedSnapshot,
        /// Its fate.
        fate: Fate,
    },
    /// A record that this host has seen.
    SeenRecord(RecordReference),
    /// A record that another one refers to.
    ReferredRecord {
        /// The missing record.
        reference: RecordReference,
        /// A record that refers to it.
        by: RecordName,
    },
    /// A record that named this existing snapshot: a later run would have named it by now.
    NamingRecord(CompletedSnapshot),
}

/// The lost item, without further facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lost {
    /// A snapshot.
    Snapshot(RunId),
    /// A record.
    Record(RecordReference),
    /// A record that named this snapshot.
    Naming(RunId),
}

/// A complete snapshot as evidence: its host must have written certain records into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The snapshot.
    pub snapshot: CompletedSnapshot,
    /// End of its run, by the clock of its host.
    pub finished: Time,
    /// Number of the snapshot among those of its source.
    pub sequence: u64,
    /// Whether its program names all snapshots that the log does not name yet.
    pub names_others: bool,
}

/// With this many consecutive unnamed snapshots of a source, it is unlikely that all their runs were killed
/// before they wrote a record.
const UNNAMED_IN_A_ROW_MIN: usize = 8;
/// The same, counted from the first snapshot on, in a repository whose log has no record.
const UNNAMED_FROM_THE_FIRST_MIN: usize = 3;

impl Witness {
    /// Describes a complete snapshot. Copies prove nothing: their times are those of the original.
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        let origin = &snapshot.origin;
        let completion = snapshot.completion().filter(|_| origin.copy_of.is_none())?;
        // Programs that number snapshots have always written a log.
        let (sequence, names_others) = (origin.sequence, origin.sequence > 0);
        Some(Self {
            snapshot: CompletedSnapshot::of(snapshot)?,
            finished: completion.finished,
            sequence,
            names_others,
        })
    }
}

impl Witness {
    /// Returns whether the run of this snapshot found the other one complete when it began. Compares the
    /// numbers, because clocks may be set back, and the times, because runs of one source may overlap.
    fn is_behind(&self, other: &Self) -> bool {
        let (own, others) = (&self.snapshot, &other.snapshot);
        (&own.host, &own.source) == (&others.host, &others.source)
            && self.sequence > other.sequence
            && own.started > other.finished
    }
}

impl Loss {
    /// Returns the lost item.
    pub fn what(&self) -> Lost {
        match self {
            Self::Snapshot { snapshot, .. } => Lost::Snapshot(snapshot.run),
            Self::SeenRecord(reference) | Self::ReferredRecord { reference, .. } => Lost::Record(*reference),
            Self::NamingRecord(snapshot) => Lost::Naming(snapshot.run),
        }
    }
}

/// All readable records of a log.
#[derive(Clone, Debug, Default)]
pub struct History {
    records: BTreeMap<RecordName, (RecordHash, Time, String)>,
    /// All references, each with the record that contains it.
    referred: BTreeSet<(RecordReference, RecordName)>,
    completed: BTreeMap<RunId, Vec<CompletedSnapshot>>,
    deleted: BTreeMap<RunId, DeletedSnapshot>,
    lost_records: BTreeMap<RecordReference, RecordName>,
    lost_snapshots: BTreeMap<RunId, RecordName>,
    /// Lost snapshots that the same record names as completed: a repair has changed them, and left them in
    /// this state.
    changed: BTreeMap<RunId, Vec<CompletedSnapshot>>,
    /// The other lost snapshots.
    given_up: BTreeSet<RunId>,
    holds: Holds,
}

impl History {
    /// Adds a record.
    pub fn insert(&mut self, record: LogRecord, hash: RecordHash) {
        let name = record.name;
        for reference in record.references {
            self.referred.insert((reference, name));
        }
        for run in &record.lost_snapshots {
            match record.completed.iter().find(|snapshot| snapshot.run == *run) {
                Some(snapshot) => self.changed.entry(*run).or_default().push(snapshot.clone()),
                None => _ = self.given_up.insert(*run),
            }
        }
        for snapshot in record.completed {
            let known = self.completed.entry(snapshot.run).or_default();
            // Two writers may name the same snapshot.
            if known.iter().all(|other| other.digest != snapshot.digest) {
                known.push(snapshot);
            }
        }
        for snapshot in record.deleted {
            self.deleted.entry(snapshot.run).or_insert(snapshot);
        }
        self.holds.insert(name, record.holds, &record.releases);
        self.lost_records.extend(record.lost_records.into_iter().map(|reference| (reference, name)));
        self.lost_snapshots.extend(record.lost_snapshots.into_iter().map(|run| (run, name)));
        self.records.insert(name, (hash, record.written, record.host));
    }

    /// Returns the number of records.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Returns whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Returns when a record was written, and on which host.
    pub fn written(&self, name: RecordName) -> Option<(Time, &str)> {
        self.records.get(&name).map(|(_, time, host)| (*time, host.as_str()))
    }

    /// Returns whether a record exists unchanged.
    pub fn holds(&self, reference: &RecordReference) -> bool {
        self.records.get(&reference.name).is_some_and(|(hash, ..)| *hash == reference.hash)
    }

    /// Returns the records that no other record refers to, by name.
    pub fn tips(&self) -> Vec<RecordReference> {
        let records =
            self.records.iter().map(|(name, (hash, ..))| RecordReference { name: *name, hash: *hash });
        records.filter(|reference| self.referrers(reference).next().is_none()).collect()
    }

    /// Returns the records that refer to a record, by name.
    fn referrers(&self, reference: &RecordReference) -> impl Iterator<Item = RecordName> {
        let first = RecordName { writer: WriterId([0; 16]), sequence: 0 };
        let last = RecordName { writer: WriterId([0xff; 16]), sequence: u32::MAX };
        self.referred.range((*reference, first)..=(*reference, last)).map(|(_, name)| *name)
    }

    /// Returns the last record of a writer.
    pub fn last_of(&self, writer: WriterId) -> Option<RecordReference> {
        let range = RecordName { writer, sequence: 0 }..=RecordName { writer, sequence: u32::MAX };
        let (name, (hash, ..)) = self.records.range(range).next_back()?;
        Some(RecordReference { name: *name, hash: *hash })
    }

    /// Returns the snapshots that were deleted on purpose, by run.
    pub fn deleted(&self) -> impl Iterator<Item = &DeletedSnapshot> {
        self.deleted.values()
    }

    /// Returns the records that accept losses, with the number of records and of snapshots that each accepts.
    pub fn acceptances(&self) -> BTreeMap<RecordName, (usize, usize)> {
        let mut acceptances = BTreeMap::<RecordName, (usize, usize)>::new();
        self.lost_records.values().for_each(|name| acceptances.entry(*name).or_default().0 += 1);
        self.lost_snapshots.values().for_each(|name| acceptances.entry(*name).or_default().1 += 1);
        acceptances
    }

    /// Returns whether somebody has accepted the loss of the record with this name.
    pub fn is_accepted(&self, name: RecordName) -> bool {
        self.lost_records.keys().any(|reference| reference.name == name)
    }

    /// Returns whether a record names the completion of a run.
    pub fn names(&self, run: RunId) -> bool {
        self.completed.contains_key(&run)
    }

    /// Returns a snapshot as the records name it: usually once, after a repair in several states.
    pub fn completed(&self, run: RunId) -> &[CompletedSnapshot] {
        self.completed.get(&run).map_or(&[], Vec::as_slice)
    }

    /// Returns whether a snapshot was deleted on purpose, or somebody has accepted its loss.
    pub fn is_gone(&self, run: RunId) -> bool {
        self.deleted.contains_key(&run) || self.lost_snapshots.contains_key(&run)
    }

    /// Returns everything that existed and is missing now, in order.
    ///
    /// The snapshots must have been read after the records. Then a snapshot that a record names was complete
    /// when it was read.
    pub fn losses(&self, seen: &SeenHistory, standing: impl Fn(RunId) -> Option<Standing>) -> Vec<Loss> {
        let is_lost = |reference: &RecordReference| {
            !self.holds(reference) && !self.lost_records.contains_key(reference)
        };
        let lost_tips: BTreeSet<&RecordReference> = seen.tips.iter().filter(|tip| is_lost(tip)).collect();
        let mut referred: Vec<&(RecordReference, RecordName)> = self
            .referred
            .iter()
            .filter(|(reference, _)| is_lost(reference) && !lost_tips.contains(reference))
            .collect();
        // The first record that refers to it, by name, is enough.
        referred.dedup_by_key(|(reference, _)| *reference);
        let referred = referred
            .into_iter()
            .map(|(reference, by)| Loss::ReferredRecord { reference: *reference, by: *by });
        let remembered = seen.snapshots.iter().filter(|snapshot| !self.names(snapshot.run));
        let mut losses: Vec<Loss> = self
            .completed
            .values()
            .flatten()
            .chain(remembered)
            .filter(|snapshot| !self.is_gone(snapshot.run))
            .chain(self.changed_losses(&standing))
            .filter_map(|snapshot| {
                let fate = fate(snapshot, standing(snapshot.run))?;
                Some(Loss::Snapshot { snapshot: snapshot.clone(), fate })
            })
            .collect();
        losses.extend(lost_tips.iter().map(|reference| Loss::SeenRecord(**reference)));
        losses.extend(referred);
        losses.sort();
        losses
    }

    /// Returns the complete snapshots that no record names although one should, by run. Excludes those that
    /// the reader itself has seen.
    ///
    /// After its completion, a run names itself in a record, together with all complete snapshots that were
    /// not named when it began. So if a record names a later snapshot of the same source but not this one,
    /// records are lost. If a run was killed in between, or its record was refused, its snapshot has no name,
    /// either; but this rarely happens to many runs in a row.
    pub fn unnamed_losses(&self, seen: &SeenHistory, witnesses: &[Witness]) -> Vec<Loss> {
        let is_remembered = |snapshot: &CompletedSnapshot| {
            let mut remembered = seen.snapshots.iter();
            remembered.any(|other| (other.run, other.digest) == (snapshot.run, snapshot.digest))
        };
        let unnamed: Vec<&Witness> = witnesses
            .iter()
            .filter(|Witness { snapshot, .. }| !self.names(snapshot.run) && !self.is_gone(snapshot.run))
            .collect();
        let named: Vec<&Witness> = witnesses
            .iter()
            .filter(|witness| witness.names_others && self.names(witness.snapshot.run))
            .collect();
        let row_min = if self.is_empty() { UNNAMED_FROM_THE_FIRST_MIN } else { UNNAMED_IN_A_ROW_MIN };
        let is_missed = |witness: &&&Witness| {
            let later = unnamed.iter().filter(|other| other.names_others && other.is_behind(witness)).count();
            let earlier = unnamed.iter().filter(|other| witness.is_behind(other)).count();
            named.iter().any(|other| other.is_behind(witness))
                || (later > 0 && earlier + 1 + later >= row_min)
        };
        let missed = unnamed.iter().filter(|witness| !is_remembered(&witness.snapshot)).filter(is_missed);
        let mut losses: Vec<Loss> =
            missed.map(|witness| Loss::NamingRecord(witness.snapshot.clone())).collect();
        losses.sort();
        losses
    }

    /// Returns the snapshots that repairs have changed and that are in none of the states in which these
    /// repairs left them, unless their loss was also accepted.
    fn changed_losses(
        &self,
        standing: &impl Fn(RunId) -> Option<Standing>,
    ) -> impl Iterator<Item = &CompletedSnapshot> {
        let is_known = |run: &RunId| self.deleted.contains_key(run) || self.given_up.contains(run);
        self.changed.iter().filter(move |(run, _)| !is_known(run)).filter_map(move |(run, named)| {
            let found = standing(*run);
            let is_as_left = |snapshot: &CompletedSnapshot| fate(snapshot, found).is_none();
            if named.iter().any(is_as_left) { None } else { named.first() }
        })
    }
}

fn fate(snapshot: &CompletedSnapshot, standing: Option<Standing>) -> Option<Fate> {
    match standing {
        None => Some(Fate::Vanished),
        Some(Standing::Unfinished) => Some(Fate::Reverted),
        Some(Standing::Complete(digest)) if digest != snapshot.digest => Some(Fate::Altered),
        Some(Standing::Complete(_) | Standing::Deleted | Standing::Unreadable) => None,
    }
}

impl SeenHistory {
    /// Most snapshots that a host remembers by name: those with the highest run ids.
    pub const SNAPSHOTS_MAX: usize = 256;

    /// Updates the memory from the current log. Lost items that are not accepted stay, so that they are
    /// reported again next time.
    pub fn absorb(
        &mut self,
        history: &History,
        now: Time,
        complete: impl IntoIterator<Item = CompletedSnapshot>,
    ) {
        let missed = |tip: &RecordReference| !history.holds(tip) && !history.lost_records.contains_key(tip);
        let missing = self.tips.iter().copied().filter(missed);
        let tips: BTreeSet<_> = missing.chain(history.tips()).take(LOG_ITEMS_MAX).collect();
        self.tips = tips.into_iter().collect();
        let remembered = std::mem::take(&mut self.snapshots).into_iter().chain(complete);
        let mut kept: BTreeMap<RunId, CompletedSnapshot> = BTreeMap::new();
        for snapshot in remembered.filter(|snapshot| !history.is_gone(snapshot.run)) {
            // The first state seen counts, because a snapshot does not change.
            kept.entry(snapshot.run).or_insert(snapshot);
        }
        let surplus = kept.len().saturating_sub(Self::SNAPSHOTS_MAX);
        self.snapshots = kept.into_values().skip(surplus).collect();
        self.seen = now;
    }
}

#[cfg(test)]
mod tests;
