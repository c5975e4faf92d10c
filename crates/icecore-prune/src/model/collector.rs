//! A collector. It has no snapshot object here, because nothing that it does depends on its own one, except
//! that listings without it are refused ([`Listing`]).

use super::{
    config::Config,
    records::{close, excused, fence, held, is_listed, running},
    rules::Rule,
    set::Set,
    store::{Record, Snapshot, Store},
};

/// What a collector begins when it is idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Task {
    /// Condemns what is dead, in a new record.
    Condemn,
    /// Brings a record one state further.
    Record(u8),
    /// Turns a run that a record waits for from pending to aborted.
    Fence(u8),
    /// Removes a record that is done.
    Close(u8),
}

/// What a listing of the snapshots contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Listing {
    Whole,
    /// Only the runs below this number.
    CutBefore(u8),
}

/// The next step of a collector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum At {
    #[default]
    Idle,
    CondemnPacks,
    CondemnNames,
    CondemnStates,
    Create,
    ListWaiting,
    NoteWaiting,
    ProvePacks,
    ProveNames,
    ProveStates,
    Spare,
    Sweep,
    Log,
    Objects,
    Directories,
    Packs,
}

/// The state of a collector. It is the default whenever the collector is idle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Collector {
    pub(super) at: At,
    number: u8,
    /// The record as it was read, or as it is to be created.
    record: Record,
    /// What the record is to become.
    next: Record,
    packs: Set,
    directories: [Set; 2],
    names: Set,
    /// Runs without a snapshot object that are no reason for doubt.
    excused: Set,
    /// Packs and deleted snapshots in open records.
    held: Set,
    held_snapshots: Set,
}

impl Collector {
    /// Returns a collector that is about to sweep a record, as it was when it was read.
    pub(super) fn at_sweep(record: Record) -> Self {
        Self { at: At::Log, record, ..Self::default() }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.at == At::Idle
    }

    /// Whether the next step lists snapshots.
    pub(super) fn lists_snapshots(&self) -> bool {
        matches!(self.at, At::CondemnNames | At::ListWaiting | At::ProveNames)
    }

    /// Begins a task. Returns false if there is nothing to do.
    pub(super) fn begin(&mut self, config: &Config, task: Task, store: &mut Store) -> bool {
        match task {
            Task::Condemn => self.begin_condemn(config, store),
            Task::Record(number) => self.begin_record(config, number, store),
            Task::Fence(run) => fence(run, store),
            Task::Close(number) => close(config, number, store),
        }
    }

    fn begin_condemn(&mut self, config: &Config, store: &Store) -> bool {
        let newest = store.newest();
        self.number = newest.map_or(0, |newest| newest + 1);
        if usize::from(self.number) >= config.records {
            return false;
        }
        if let Some(newest) = newest.and_then(|newest| store.record(newest)) {
            if config.follows(Rule::DeadRunsStay) {
                self.record.dead = newest.dead;
                self.record.usable = newest.usable;
            }
            self.record.cleared = newest.cleared;
        }
        self.held_snapshots = store.union(|record| record.deleted);
        self.excused = excused(store);
        self.held = store.union(|record| held(config, record, store));
        self.at = At::CondemnPacks;
        true
    }

    fn begin_record(&mut self, config: &Config, number: u8, store: &Store) -> bool {
        let Some(record) = store.record(number).copied() else { return false };
        self.at = match record.waiting {
            None => At::ListWaiting,
            Some(_) if record.sweeping => At::Log,
            Some(waiting) if config.follows(Rule::ProofAfterWaiting) && running(store).meets(waiting) => {
                return false;
            }
            Some(_) => At::ProvePacks,
        };
        (self.number, self.record, self.excused) = (number, record, excused(store));
        if self.at == At::Log && !is_listed(&self.record, store) {
            *self = Self::default();
            return false;
        }
        true
    }

    /// Does the next step of a task that was begun.
    pub(super) fn step(&mut self, config: &Config, listing: Listing, store: &mut Store) -> bool {
        match self.at {
            At::Idle => return false,
            At::CondemnPacks => {
                self.list_packs(config, listing, store, [At::CondemnNames, At::CondemnStates]);
            }
            At::CondemnNames => self.list_names(config, listing, store, At::CondemnStates),
            At::CondemnStates => self.condemn(config, store),
            At::Create => self.create(store),
            At::ListWaiting => self.list_waiting(config, listing, store),
            At::NoteWaiting => {
                let _ = store.swap_record(self.number, &self.record, self.next);
                *self = Self::default();
            }
            At::ProvePacks => self.list_packs(config, listing, store, [At::ProveNames, At::ProveStates]),
            At::ProveNames => self.list_names(config, listing, store, At::ProveStates),
            At::ProveStates => self.prove(config, store),
            At::Spare => self.spare(store),
            At::Sweep => return self.sweep(config, store),
            At::Log | At::Objects | At::Directories | At::Packs => self.remove(config, store),
        }
        true
    }

    /// Lists packs and directories, and in the same step the snapshots if steps are to be few.
    fn list_packs(&mut self, config: &Config, listing: Listing, store: &Store, next: [At; 2]) {
        self.packs = store.packs;
        self.directories = store.directories;
        self.at = next[0];
        if !config.has_fine_steps {
            self.list_names(config, listing, store, next[1]);
        }
    }

    /// Lists the snapshots. Returns nothing if the listing is known to be cut short.
    fn listing(config: &Config, listing: Listing, store: &Store) -> Option<Set> {
        let Listing::CutBefore(end) = listing else { return Some(store.runs()) };
        let has_own_object = end > config.collector_name;
        (has_own_object || !config.follows(Rule::OwnObjectListed)).then(|| store.runs() & Set::below(end))
    }

    fn list_names(&mut self, config: &Config, listing: Listing, store: &Store, next: At) {
        match Self::listing(config, listing, store) {
            Some(names) => (self.names, self.at) = (names, next),
            None => *self = Self::default(),
        }
    }

    /// Whether a listed pack is of a run that nobody knows of.
    fn doubts(&self) -> bool {
        let present = self.packs | self.directories[0] | self.directories[1];
        !present.is_within(self.names | self.excused)
    }

    fn dead_packs(&self, config: &Config, store: &Store, candidates: Set) -> Set {
        let live = store.references(self.names & store.in_state(Snapshot::Complete));
        let directories = self.directories[0] | self.directories[1];
        candidates.filter(|pack| {
            !directories.contains(pack)
                || (config.follows(Rule::LostPackIsDead) && !self.packs.contains(pack))
                || !store.content[usize::from(pack)].meets(live)
        })
    }

    /// Reads the listed snapshots and makes the new record.
    fn condemn(&mut self, config: &Config, store: &Store) {
        let directories = self.directories[0] | self.directories[1];
        let present = self.packs | directories;
        let held = self.held & present;
        let packs = self.dead_packs(config, store, present - held);
        let deleted = (self.names & store.in_state(Snapshot::Deleted)) - self.held_snapshots;
        let previous = self.record;
        let mut record = Record { packs, deleted, ..previous };
        record.listed = self.directories.map(|written| written & packs);
        if config.follows(Rule::DeadRuns) {
            let fenced = self.names & store.in_state(Snapshot::Aborted);
            let listed = self.packs & directories;
            let newly = if config.follows(Rule::UsableOnlyShrinks) { fenced - previous.dead } else { fenced };
            record.dead |= fenced;
            record.usable = ((previous.usable | newly) & listed) - held - packs;
        }
        record.cleared = if config.follows(Rule::ClearedRuns) {
            ((self.excused & present) - self.names) | self.held_snapshots
        } else {
            Set::EMPTY
        };
        let has_content = !packs.is_empty() || !deleted.is_empty();
        let has_news = !record.dead.is_within(previous.dead) && self.number > 0;
        if self.doubts() || !(has_content || has_news) {
            *self = Self::default();
        } else {
            (self.record, self.at) = (record, At::Create);
        }
    }

    /// Creates the record, unless the number is in use. A lost reply makes the next look find it.
    fn create(&mut self, store: &mut Store) {
        let stored = &mut store.records[usize::from(self.number)];
        if stored.is_none() {
            *stored = Some(self.record);
        }
        *self = Self::default();
    }

    fn list_waiting(&mut self, config: &Config, listing: Listing, store: &Store) {
        let Some(names) = Self::listing(config, listing, store) else {
            *self = Self::default();
            return;
        };
        let pending = names & running(store);
        let waiting = if config.follows(Rule::WaitList) { pending } else { Set::EMPTY };
        self.next = Record { waiting: Some(waiting), ..self.record };
        self.at = At::NoteWaiting;
    }

    /// Reads the listed snapshots and takes out what is not dead.
    fn prove(&mut self, config: &Config, store: &Store) {
        if self.doubts() {
            *self = Self::default();
            return;
        }
        let mut next = self.record;
        if config.follows(Rule::Spare) {
            next.packs = self.dead_packs(config, store, self.record.packs);
            next.deleted = self.record.deleted & store.in_state(Snapshot::Deleted);
        }
        next.listed = next.listed.map(|written| written & next.packs);
        self.next = next;
        self.at = if next == self.record { At::Sweep } else { At::Spare };
    }

    fn spare(&mut self, store: &mut Store) {
        // If the reply was lost, the record is as it should be.
        if store.swap_record(self.number, &self.record, self.next)
            || store.record(self.number) == Some(&self.next)
        {
            self.record = self.next;
            self.at = At::Sweep;
        } else {
            *self = Self::default();
        }
    }

    fn sweep(&mut self, config: &Config, store: &mut Store) -> bool {
        if let Some(waiting) = self.record.waiting
            && running(store).meets(waiting)
        {
            return false;
        }
        self.next = Record { sweeping: true, ..self.record };
        let is_swept = if config.follows(Rule::ConditionalSweep) {
            store.swap_record(self.number, &self.record, self.next)
                || store.record(self.number) == Some(&self.next)
        } else {
            store.records[usize::from(self.number)] = Some(self.next);
            true
        };
        let (number, record) = (self.number, self.next);
        *self = Self::default();
        if is_swept && is_listed(&record, store) {
            *self = Self { at: At::Log, number, record, ..Self::default() };
        }
        true
    }

    /// Removes one kind of the record's objects.
    fn remove(&mut self, config: &Config, store: &mut Store) {
        let record = self.record;
        let objects_first = !config.follows(Rule::LogBeforeDelete);
        let packs_first = !config.follows(Rule::DirectoriesFirst);
        let kind = match self.at {
            At::Log if objects_first => At::Objects,
            At::Objects if objects_first => At::Log,
            At::Directories if packs_first => At::Packs,
            At::Packs if packs_first => At::Directories,
            at => at,
        };
        match kind {
            At::Log => store.logged |= record.deleted,
            At::Objects => {
                let deleted = record.deleted & store.in_state(Snapshot::Deleted);
                deleted.iter().for_each(|run| store.set_snapshot(run, Snapshot::Absent));
                store.removed |= deleted;
            }
            At::Directories => {
                for (written, listed) in store.directories.iter_mut().zip(record.listed) {
                    *written -= listed;
                }
            }
            _ => store.packs -= record.packs,
        }
        self.at = match self.at {
            At::Log => At::Objects,
            At::Objects => At::Directories,
            At::Directories => At::Packs,
            _ => At::Idle,
        };
        if self.is_idle() {
            *self = Self::default();
        }
    }
}

/// Returns the tasks that an idle collector may begin.
pub(super) fn tasks(config: &Config, store: &Store) -> impl Iterator<Item = Task> {
    let numbers = store.numbers();
    let waited: Set = store.union(|record| record.waiting.unwrap_or_default()) & running(store);
    let may_condemn = store.newest().is_none_or(|newest| usize::from(newest) + 1 < config.records);
    may_condemn
        .then_some(Task::Condemn)
        .into_iter()
        .chain(numbers.iter().map(Task::Record))
        .chain(numbers.iter().map(Task::Close))
        .chain(waited.iter().map(Task::Fence))
        .collect::<Vec<_>>()
        .into_iter()
}
