//! Finds packs that appeared while a reader was at work.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use icecore_format::ids::{GroupId, PackName};

use super::SharedIndex;
use crate::{index::add_later_packs, repository::Repository};

/// The pack directories are listed at most once in this time: much may be missing, for the same reason.
const RELIST_AFTER: Duration = Duration::from_mins(1);

/// How a reader lists the pack directories again.
#[derive(Debug)]
pub(super) struct Relisting {
    group: Option<GroupId>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Packs of other groups whose directories were read, sorted.
    other: Vec<PackName>,
    /// When the directories were last listed again.
    listed: Option<Duration>,
}

impl Relisting {
    pub(super) fn new(group: Option<GroupId>) -> Self {
        Self { group, state: Mutex::default() }
    }

    /// Lists the directories again and adds new packs to the index, unless that happened a moment ago.
    /// Returns whether the index may have more packs than before. A failure only leaves the index as it is.
    pub(super) fn look(&self, repository: &Repository, index: &SharedIndex) -> bool {
        // Threads that miss something at the same time wait here for the one that looks.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = repository.environment().monotonic();
        if state.listed.is_some_and(|listed| now.saturating_sub(listed) < RELIST_AFTER) {
            return true;
        }
        state.listed = Some(now);
        match add_later_packs(repository, index, &mut state.other, self.group) {
            Ok(added) => {
                tracing::info!(added, "data is missing; the packs were listed again");
                added > 0
            }
            Err(error) => {
                tracing::warn!(%error, "data is missing, and the packs cannot be listed again");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
