//! Which packs are archived: each of them is asked for once, however many files need it.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use icecore_store::{error::StoreError, store::StoreResult};

use crate::error::RepoError;

/// A pack that has to be thawed before it can be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArchivedPack {
    /// Key of the object.
    pub key: String,
    /// Storage class as the store names it.
    pub class: String,
}

impl From<ArchivedPack> for RepoError {
    fn from(ArchivedPack { key, class }: ArchivedPack) -> Self {
        Self::Store(StoreError::Archived { key, class })
    }
}

/// What the store has answered, by the number of the pack.
#[derive(Debug, Default)]
pub(super) struct PackAnswers {
    state: Mutex<State>,
    answered: Condvar,
}

#[derive(Debug, Default)]
struct State {
    readable: HashSet<u32>,
    archived: BTreeMap<u32, ArchivedPack>,
    /// Archived packs that something cannot do without.
    needed: BTreeSet<u32>,
    /// Packs that somebody has asked for the first time and got no answer yet.
    asked: HashSet<u32>,
}

impl PackAnswers {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a request to a pack, or says that the pack is known to be archived.
    ///
    /// As long as no pack is archived, nobody waits. From the first one on, one thread alone makes the first
    /// request to a pack; the others wait for its answer.
    pub(super) fn enter(&self, pack: u32) -> Option<ArchivedPack> {
        let mut state = self.lock();
        loop {
            if let Some(found) = state.archived.get(&pack) {
                return Some(found.clone());
            }
            if state.archived.is_empty() || state.readable.contains(&pack) || state.asked.insert(pack) {
                return None;
            }
            state = self.answered.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends a request to a pack.
    pub(super) fn leave(&self, pack: u32, fetched: &StoreResult<Bytes>) {
        let mut state = self.lock();
        match fetched {
            Err(StoreError::Archived { key, class }) => {
                let found = ArchivedPack { key: key.clone(), class: class.clone() };
                state.archived.insert(pack, found);
            }
            Ok(_) => {
                state.readable.insert(pack);
            }
            // Those who wait try themselves.
            Err(_) => {}
        }
        if state.asked.remove(&pack) {
            self.answered.notify_all();
        }
    }

    /// Says whether the pack has been read.
    pub(super) fn is_readable(&self, pack: u32) -> bool {
        self.lock().readable.contains(&pack)
    }

    /// Notes that something cannot do without an archived pack.
    pub(super) fn need(&self, pack: u32) {
        self.lock().needed.insert(pack);
    }

    /// Returns the archived packs that something cannot do without, sorted.
    pub(super) fn needed(&self) -> Vec<ArchivedPack> {
        let state = self.lock();
        let needed = state.needed.iter().filter_map(|pack| state.archived.get(pack));
        let mut packs: Vec<_> = needed.cloned().collect();
        packs.sort_unstable();
        packs
    }
}
