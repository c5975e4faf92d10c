//! Actors and store together.

use super::{
    collector::{self, Collector, Listing, Task},
    config::Config,
    reader::Reader,
    set::Set,
    store::{RUNS, Snapshot, Store},
    undo::Undo,
    writer::{self, Writer},
};

/// A state of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) store: Store,
    pub(super) writers: [Writer; 3],
    pub(super) undo: Undo,
    pub(super) reader: Reader,
    /// Collectors are alike, so their order does not matter: they are kept sorted.
    pub(super) collectors: [Collector; 2],
}

/// One step of one actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Action {
    Writer(usize),
    /// The step happens, and the writer does not learn of it: it does the step again.
    WriterLosesReply(usize),
    Undo,
    UndoLosesReply,
    Reader,
    Forget(u8),
    Begin(usize, Task),
    Collector(usize, Listing),
    CollectorLosesReply(usize),
}

impl World {
    pub(super) fn begin(config: &Config) -> Self {
        let mut world = Self::default();
        let store = &mut world.store;
        for (run, chunks) in &config.snapshots {
            store.set_snapshot(*run, Snapshot::Complete);
            store.refers[usize::from(*run)] = *chunks;
        }
        for (run, _, _) in &config.left_behind {
            store.set_snapshot(*run, Snapshot::Aborted);
        }
        let left = config.left_behind.iter().copied();
        for (run, chunks, has_directory) in
            left.chain(config.snapshots.iter().map(|(run, set)| (*run, *set, true)))
        {
            store.content[usize::from(run)] = chunks;
            store.packs.insert(run);
            if has_directory {
                store.directories[0].insert(run);
            }
        }
        let given = &config.given;
        store.records[..2].copy_from_slice(&given.records);
        for run in given.swept.iter() {
            store.set_snapshot(run, Snapshot::Deleted);
        }
        store.packs -= given.swept;
        store.directories[0] -= given.swept;
        if given.writer_wakes {
            world.writers[0] = Writer::at_upload();
        }
        if let Some(record) = given.sweeping {
            world.collectors[1] = Collector::at_sweep(record);
        }
        world
    }

    fn step_writer(&mut self, config: &Config, index: usize) -> bool {
        let Some(plan) = config.writers.get(index) else { return false };
        let continued = plan.continues.map(|other| self.writers[usize::from(other)]);
        self.writers[index].step(config, *plan, &mut self.store, continued.as_ref())
    }

    /// Applies an action. Returns false if it is not possible.
    pub(super) fn apply(&mut self, config: &Config, action: Action) -> bool {
        match action {
            Action::Writer(index) => self.step_writer(config, index),
            Action::Undo => config.undo.is_some_and(|plan| self.undo.step(config, plan, &mut self.store)),
            Action::Reader => config.reads.is_some_and(|snapshot| self.reader.step(snapshot, &self.store)),
            Action::Forget(run) => {
                self.store.set_snapshot(run, Snapshot::Deleted);
                true
            }
            Action::Begin(index, task) => self.collectors[index].begin(config, task, &mut self.store),
            Action::Collector(index, listing) => {
                self.collectors[index].step(config, listing, &mut self.store)
            }
            Action::WriterLosesReply(index) => {
                self.without_reply(config, Action::Writer(index), |world, before| {
                    world.writers[index] = before.writers[index];
                })
            }
            Action::UndoLosesReply => {
                self.without_reply(config, Action::Undo, |world, before| world.undo = before.undo)
            }
            Action::CollectorLosesReply(index) => {
                self.without_reply(config, Action::Collector(index, Listing::Whole), |world, before| {
                    world.collectors[index] = before.collectors[index];
                })
            }
        }
    }

    /// Applies `action` to the store only.
    fn without_reply(&mut self, config: &Config, action: Action, forget: impl Fn(&mut Self, &Self)) -> bool {
        let before = self.clone();
        let happened = self.apply(config, action) && self.store != before.store;
        forget(self, &before);
        happened
    }

    pub(super) fn actions(&self, config: &Config, actions: &mut Vec<Action>) {
        for index in (0..config.writers.len()).filter(|index| !self.writers[*index].has_ended()) {
            actions.push(Action::Writer(index));
            if config.loses_replies {
                actions.push(Action::WriterLosesReply(index));
            }
        }
        if config.undo.is_some() {
            actions.push(Action::Undo);
            if config.loses_replies {
                actions.push(Action::UndoLosesReply);
            }
        }
        if config.reads.is_some() {
            actions.push(Action::Reader);
        }
        let forgettable = config.forgettable & self.store.in_state(Snapshot::Complete);
        actions.extend(forgettable.iter().map(Action::Forget));
        for index in 2 - config.collectors..2 {
            let collector = &self.collectors[index];
            if collector.is_idle() {
                let tasks = collector::tasks(config, &self.store);
                actions.extend(tasks.map(|task| Action::Begin(index, task)));
                continue;
            }
            actions.push(Action::Collector(index, Listing::Whole));
            if config.cuts_listings && collector.lists_snapshots() {
                let cut = |end| Action::Collector(index, Listing::CutBefore(end));
                actions.extend((0..RUNS as u8 - 1).map(cut));
            }
            if config.loses_replies {
                actions.push(Action::CollectorLosesReply(index));
            }
        }
    }

    /// Whether every chunk of each complete snapshot is in a pack that exists, has a directory, and is not in
    /// a record in state sweeping.
    pub(super) fn can_restore(&self) -> bool {
        let store = &self.store;
        let swept = store.union(|record| if record.sweeping { record.packs } else { Set::EMPTY });
        let live = store.references(store.in_state(Snapshot::Complete));
        live.is_within(store.chunks(store.listed() - swept))
    }

    /// Whether each pack exists that a pending run relies on.
    pub(super) fn runs_have_packs(&self, config: &Config) -> bool {
        config.writers.iter().zip(&self.writers).all(|(plan, writer)| {
            self.store.snapshot(plan.run) != Snapshot::Pending
                || writer.relies_on(config, *plan, &self.store).is_within(self.store.listed())
        })
    }

    /// Whether the writers know how their runs ended.
    pub(super) fn ends_are_known(&self, config: &Config) -> bool {
        config.writers.iter().zip(&self.writers).all(|(plan, writer)| {
            let state = self.store.snapshot(plan.run);
            match writer.at {
                writer::At::Done => !matches!(state, Snapshot::Pending | Snapshot::Aborted),
                writer::At::Fenced => state == Snapshot::Aborted,
                _ => true,
            }
        })
    }
}
