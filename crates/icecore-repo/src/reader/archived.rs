//! Which packs are archived: each pack is requested once, however many files need it.

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

/// The store's answers so far, by the number of the pack.
#[derive(Debug, Default)]
pub(super) struct PackAnswers {
    state: Mutex<State>,
    answered: Condvar,
}

#[derive(Debug, Default)]
struct State {
    readable: HashSet<u32>,
    archived: BTreeMap<u32, ArchivedPack>,
    /// Archived packs that are needed.
    needed: BTreeSet<u32>,
    /// Packs whose first request is still waiting for its answer.
    asked: HashSet<u32>,
}

impl PackAnswers {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a request to a pack, or returns the pack if it is known to be archived.
    ///
    /// While no pack is archived, nobody waits. After the first archived pack, only one thread makes the
    /// first request to each pack, and the others wait for the answer.
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
            // Waiting threads make their own requests.
            Err(_) => {}
        }
        if state.asked.remove(&pack) {
            self.answered.notify_all();
        }
    }

    /// Returns whether the pack has been read.
    pub(super) fn is_readable(&self, pack: u32) -> bool {
        self.lock().readable.contains(&pack)
    }

    /// Notes that an archived pack is needed.
    pub(super) fn need(&self, pack: u32) {
        self.lock().needed.insert(pack);
    }

    /// Returns the archived packs that are needed, sorted.
    pub(super) fn needed(&self) -> Vec<ArchivedPack> {
        let state = self.lock();
        let needed = state.needed.iter().filter_map(|pack| state.archived.get(pack));
        let mut packs: Vec<_> = needed.cloned().collect();
        packs.sort_unstable();
        packs
    }
}
