//! Key slots of an unlocked repository: listing, adding, removing, changing the key.

use std::sync::Arc;

use icecore_format::{
    layout::KEYS_PREFIX,
    slot::{Credential, PasswordCost},
};

pub use crate::stored_slots::Slot;
use crate::{
    error::{RepoError, RepoResult},
    repository::Repository,
    stored_slots,
};

/// Lists the slots, including damaged ones.
pub fn list(repository: &Repository) -> RepoResult<Vec<Slot>> {
    stored_slots::read_all(repository.store(), repository.environment())
}

/// Adds a slot that `credential` opens and returns its id.
pub fn add(
    repository: &Repository,
    credential: &Credential,
    cost: PasswordCost,
    label: &str,
) -> RepoResult<String> {
    if repository.header().read_only {
        return Err(RepoError::NewerMaintenance);
    }
    let (store, environment) = (repository.store(), repository.environment());
    stored_slots::write(store, environment, repository.keys(), credential, cost, label)
}

/// Removes the slot whose id begins with `id`, unless it is the last one that can be read.
pub fn remove(repository: &Repository, id: &str) -> RepoResult<String> {
    if repository.header().read_only {
        return Err(RepoError::NewerMaintenance);
    }
    let slots = list(repository)?;
    let matching: Vec<&Slot> = slots.iter().filter(|slot| slot.id.starts_with(id)).collect();
    let [slot] = matching.as_slice() else {
        return Err(RepoError::SlotNotFound { id: id.to_owned(), found: matching.len() });
    };
    let others_usable = slots.iter().any(|other| {
        other.id != slot.id && other.info.as_ref().is_ok_and(|info| info.repository == repository.id())
    });
    if !others_usable {
        return Err(RepoError::LastSlot);
    }
    let key = format!("{KEYS_PREFIX}{}", slot.id);
    repository.environment().runtime.block_on(repository.store().delete(&key, None))?;
    Ok(slot.id.clone())
}

/// Result of a change of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// Id of the new slot.
    pub added: String,
    /// Ids of the old slots.
    pub removed: Vec<String>,
}

/// A half-finished change of the key: both the new and the present key open the repository.
#[derive(Debug)]
#[must_use = "both keys open the repository until the change is finished or undone"]
pub struct StartedChange<'a> {
    repository: &'a Repository,
    present: &'a Credential,
    old: Vec<Slot>,
    added: String,
}

/// Adds a slot that `new` opens, with the label of the slot that `present` opens, and opens it from the
/// store.
///
/// Fails if it cannot find a slot of `present`: after a change of the key, the old key must not open
/// anything.
pub fn begin_change<'a>(
    repository: &'a Repository,
    present: &'a Credential,
    new: &Credential,
    cost: PasswordCost,
) -> RepoResult<StartedChange<'a>> {
    let old: Vec<Slot> = list(repository)?.into_iter().filter(|slot| slot.opens_with(present)).collect();
    let Some(first) = old.first() else {
        let reason = "the key slot of the current key can no longer be read".to_owned();
        return Err(RepoError::NoKeySlot { location: repository.store().location(), reason });
    };
    let label = first.info.as_ref().map_or("", |info| info.label.as_str());
    let added = add(repository, new, cost, label)?;
    let (store, environment) = (Arc::clone(repository.store()), repository.environment().clone());
    Repository::unlock(store, environment, std::slice::from_ref(new))?;
    Ok(StartedChange { repository, present, old, added })
}

impl StartedChange<'_> {
    /// Removes all slots that the present key opens; an earlier change may have been interrupted, so there
    /// may be several.
    ///
    /// Fails if one of them is left.
    pub fn finish(self) -> RepoResult<KeyChange> {
        let mut removed = Vec::new();
        for slot in &self.old {
            removed.push(remove(self.repository, &slot.id)?);
        }
        match list(self.repository)?.iter().find(|slot| slot.opens_with(self.present)) {
            Some(left) => Err(RepoError::SlotLeft { id: left.id.clone() }),
            None => Ok(KeyChange { added: self.added, removed }),
        }
    }

    /// Removes the new slot again.
    pub fn undo(self) -> RepoResult<()> {
        remove(self.repository, &self.added).map(|_| ())
    }
}

#[cfg(test)]
mod tests;
