//! A backup or a copy.

use super::{
    config::{Config, WriterPlan},
    look::Look,
    rules::Rule,
    set::Set,
    store::{Snapshot, Store},
};

/// The next step of a writer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum At {
    #[default]
    Begin,
    Announce,
    ListRecords,
    ReadRecords,
    ListPacks,
    Adopt,
    Upload,
    WriteDirectory,
    Commit,
    Done,
    Fenced,
}

/// The state of a writer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Writer {
    pub(super) at: At,
    look: Look,
    listed: Set,
    adoptable: Set,
    adopted: Set,
    taken_over: Set,
}

impl Writer {
    /// Returns a writer that is about to write its pack, and knows of no other pack.
    pub(super) fn at_upload() -> Self {
        Self { at: At::Upload, ..Self::default() }
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.at, At::Done | At::Fenced)
    }

    /// Returns the packs that the writer relies on, once it knows them.
    pub(super) fn relies_on(&self, config: &Config, plan: WriterPlan, store: &Store) -> Set {
        let is_known = matches!(self.at, At::Upload | At::WriteDirectory | At::Commit);
        let packs = if is_known { self.known(config) } else { Set::EMPTY };
        packs & store.packs_with(plan.wants)
    }

    fn known(&self, config: &Config) -> Set {
        (self.listed - self.look.absent(config)) | self.adopted
    }

    /// Does the next step. Returns false if there is none.
    pub(super) fn step(
        &mut self,
        config: &Config,
        plan: WriterPlan,
        store: &mut Store,
        continued: Option<&Self>,
    ) -> bool {
        match self.at {
            At::Begin => return self.begin(config, plan, store, continued),
            At::Announce => self.announce(config, plan, store, continued),
            At::ListRecords => {
                self.look = Look::list(store);
                self.at = At::ReadRecords;
                if !config.has_fine_steps {
                    self.read_records(config, plan, store);
                }
            }
            At::ReadRecords => self.read_records(config, plan, store),
            At::ListPacks => self.list_packs(config, plan, store),
            At::Adopt => self.adopt(store),
            At::Upload => self.upload(config, plan, store),
            At::WriteDirectory => {
                if !store.with_directory().contains(plan.run) {
                    store.directories[0].insert(plan.run);
                }
                self.at = At::Commit;
            }
            At::Commit => self.commit(config, plan, store),
            At::Done | At::Fenced => return false,
        }
        true
    }

    fn begin(&mut self, config: &Config, plan: WriterPlan, store: &Store, continued: Option<&Self>) -> bool {
        if continued.is_some_and(|writer| !writer.has_ended()) {
            return false;
        }
        let base = plan.base.filter(|base| store.snapshot(*base) == Snapshot::Complete);
        if let Some(base) = base
            && !config.follows(Rule::BaseIsChecked)
        {
            self.taken_over = store.refers(base);
        }
        self.at = if config.follows(Rule::LookAfterAnnounce) { At::Announce } else { At::ListRecords };
        true
    }

    fn announce(&mut self, config: &Config, plan: WriterPlan, store: &mut Store, continued: Option<&Self>) {
        match store.snapshot(plan.run) {
            // If it is pending, the reply to the creation was lost.
            Snapshot::Absent | Snapshot::Pending => store.set_snapshot(plan.run, Snapshot::Pending),
            _ => {
                self.at = At::Fenced;
                return;
            }
        }
        self.at = if let Some(continued) = continued
            && !config.follows(Rule::ContinuationLooks)
        {
            (self.look, self.listed) = (continued.look, continued.listed);
            At::Upload
        } else if !config.follows(Rule::LookAfterAnnounce) || !config.follows(Rule::ListAfterLook) {
            At::ListPacks
        } else {
            At::ListRecords
        };
    }

    fn read_records(&mut self, config: &Config, plan: WriterPlan, store: &Store) {
        let is_whole = self.look.read(config, store);
        self.at = if is_whole { Self::after_look(config, store, plan) } else { At::ListRecords };
    }

    fn after_look(config: &Config, store: &Store, plan: WriterPlan) -> At {
        if !config.follows(Rule::LookAfterAnnounce) && store.snapshot(plan.run) == Snapshot::Absent {
            At::Announce
        } else if config.follows(Rule::ListAfterLook) {
            At::ListPacks
        } else {
            At::Upload
        }
    }

    fn list_packs(&mut self, config: &Config, plan: WriterPlan, store: &Store) {
        self.listed = store.listed();
        let running = store.in_state(Snapshot::Pending);
        let mut adoptable = store.packs - store.with_directory() - running;
        if config.follows(Rule::AdoptionChecks) {
            adoptable -= self.look.condemned | self.look.unusable;
        }
        self.at = if !config.follows(Rule::ListAfterLook) {
            At::ListRecords
        } else if plan.adopts && !adoptable.is_empty() {
            self.adoptable = adoptable;
            At::Adopt
        } else {
            At::Upload
        };
    }

    /// Writes one missing directory. A directory that is there meanwhile has the same content.
    fn adopt(&mut self, store: &mut Store) {
        if let Some(pack) = self.adoptable.iter().next() {
            if !store.with_directory().contains(pack) {
                store.directories[1].insert(pack);
            }
            self.adopted.insert(pack);
            self.adoptable.remove(pack);
        }
        if self.adoptable.is_empty() {
            self.at = At::Upload;
        }
    }

    fn upload(&mut self, config: &Config, plan: WriterPlan, store: &mut Store) {
        let known = store.chunks(self.known(config)) | self.taken_over;
        let missing = plan.wants - known;
        self.at = if missing.is_empty() {
            At::Commit
        } else {
            store.content[usize::from(plan.run)] = missing;
            store.packs.insert(plan.run);
            At::WriteDirectory
        };
    }

    fn commit(&mut self, config: &Config, plan: WriterPlan, store: &mut Store) {
        self.at = match store.snapshot(plan.run) {
            Snapshot::Pending => {
                store.set_snapshot(plan.run, Snapshot::Complete);
                store.refers[usize::from(plan.run)] = plan.wants;
                At::Done
            }
            // The reply to the own swap was lost.
            Snapshot::Complete | Snapshot::Deleted if config.follows(Rule::MismatchIsRead) => At::Done,
            _ => At::Fenced,
        };
    }
}
