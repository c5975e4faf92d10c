//! The run that brings a deleted snapshot back, as a new snapshot with the same content.

use super::{
    config::{Config, UndoPlan},
    look::Look,
    rules::Rule,
    set::Set,
    store::{Snapshot, Store},
};

/// The next step of an undo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum At {
    #[default]
    Announce,
    ListRecords,
    ReadRecords,
    ListPacks,
    Rescue,
    Commit,
    Done,
    Failed,
}

/// The state of an undo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Undo {
    pub(super) at: At,
    look: Look,
    /// Packs that the content needs.
    needs: Set,
    /// Records that may name one of them.
    records: Set,
}

impl Undo {
    pub(super) fn step(&mut self, config: &Config, plan: UndoPlan, store: &mut Store) -> bool {
        match self.at {
            At::Announce => return self.announce(config, plan, store),
            At::ListRecords => {
                self.look = Look::list(store);
                self.at = At::ReadRecords;
            }
            At::ReadRecords => {
                let is_whole = self.look.read(config, store);
                self.records = self.look.numbers();
                self.at = if is_whole { At::ListPacks } else { At::ListRecords };
            }
            At::ListPacks => self.list_packs(config, plan, store),
            At::Rescue => self.rescue(config, store),
            At::Commit => self.commit(config, plan, store),
            At::Done | At::Failed => return false,
        }
        true
    }

    fn announce(&mut self, config: &Config, plan: UndoPlan, store: &mut Store) -> bool {
        if store.snapshot(plan.snapshot) != Snapshot::Deleted {
            return false;
        }
        self.at = At::ListRecords;
        if config.follows(Rule::UndoAnnounces) {
            match store.snapshot(plan.run) {
                Snapshot::Absent | Snapshot::Pending => store.set_snapshot(plan.run, Snapshot::Pending),
                _ => self.at = At::Failed,
            }
        }
        true
    }

    fn list_packs(&mut self, config: &Config, plan: UndoPlan, store: &Store) {
        let refers = store.refers(plan.snapshot);
        let mut usable = store.listed();
        if config.follows(Rule::TooLate) {
            usable -= self.look.sweeping;
        }
        if config.follows(Rule::UndoDistrustsDeadRuns) {
            usable -= self.look.unusable;
        }
        self.needs = usable & store.packs_with(refers);
        self.at = if !refers.is_within(store.chunks(self.needs)) {
            At::Failed
        } else if self.records.is_empty() || !config.follows(Rule::Rescue) {
            At::Commit
        } else {
            At::Rescue
        };
    }

    /// Takes what the content needs out of one record.
    fn rescue(&mut self, config: &Config, store: &mut Store) {
        let Some(number) = self.records.iter().next() else { return };
        let record = store.record(number).copied();
        let is_too_late = record.is_none_or(|record| record.sweeping && record.packs.meets(self.needs));
        if let Some(record) = record.filter(|record| !record.sweeping) {
            let mut rescued = record;
            rescued.packs -= self.needs;
            rescued.listed.iter_mut().for_each(|listed| *listed -= self.needs);
            store.swap_record(number, &record, rescued);
        }
        self.records.remove(number);
        if is_too_late && config.follows(Rule::TooLate) {
            self.at = At::Failed;
        } else if self.records.is_empty() {
            self.at = At::Commit;
        }
    }

    fn commit(&mut self, config: &Config, plan: UndoPlan, store: &mut Store) {
        let own = store.snapshot(plan.run);
        self.at = match own {
            _ if !config.follows(Rule::UndoCommitsItself) => {
                let is_deleted = store.snapshot(plan.snapshot) == Snapshot::Deleted;
                if is_deleted {
                    store.set_snapshot(plan.snapshot, Snapshot::Complete);
                }
                At::Done
            }
            Snapshot::Complete | Snapshot::Deleted => At::Done,
            Snapshot::Aborted => At::Failed,
            Snapshot::Absent if config.follows(Rule::UndoAnnounces) => At::Failed,
            Snapshot::Pending | Snapshot::Absent => {
                store.set_snapshot(plan.run, Snapshot::Complete);
                store.refers[usize::from(plan.run)] = store.refers(plan.snapshot);
                At::Done
            }
        };
    }
}
