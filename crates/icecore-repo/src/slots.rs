//! Key slots of a repository: listing, opening, adding, removing.

use std::sync::Arc;

use bytes::Bytes;
use icecore_format::{
    error::FormatError,
    ids::RepositoryId,
    keys::Keys,
    layout::{KEYS_PREFIX, slot_key},
    slot::{Credential, PasswordCost, SLOT_BYTES_MAX, SlotInfo, SlotKind, open_slot, read_slot, seal_slot},
};
use icecore_store::store::{ObjectInfo, PutCondition, Store};

use crate::{
    environment::Environment,
    error::{RepoError, RepoResult},
    repository::Repository,
};

/// A key slot as it lies in the store.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Id of the slot, in hexadecimal.
    pub id: String,
    /// What the slot says about itself, or what is wrong with it.
    pub info: Result<SlotInfo, FormatError>,
    object: Vec<u8>,
}

fn read_all(store: &Arc<dyn Store>, environment: &Environment) -> RepoResult<Vec<Slot>> {
    read_listed(store, environment, &environment.runtime.block_on(store.list(KEYS_PREFIX))?)
}

/// Reads the slots among the objects that were listed.
fn read_listed(
    store: &Arc<dyn Store>,
    environment: &Environment,
    listed: &[ObjectInfo],
) -> RepoResult<Vec<Slot>> {
    let mut slots = Vec::new();
    for ObjectInfo { key, size, .. } in listed {
        let Some(id) = key.strip_prefix(KEYS_PREFIX) else { continue };
        let (id, size) = (id.to_owned(), *size);
        if size > SLOT_BYTES_MAX {
            let bounds = FormatError::OutOfBounds {
                what: "key slot in bytes",
                found: size,
                minimum: 0,
                maximum: SLOT_BYTES_MAX,
            };
            slots.push(Slot { id, info: Err(bounds), object: Vec::new() });
            continue;
        }
        let object = match environment.runtime.block_on(store.get(key, None)) {
            // Removed between the listing and now.
            Err(error) if error.is_not_found() => continue,
            other => other?.to_vec(),
        };
        let info = if slot_key(&object) == *key {
            read_slot(&object)
        } else {
            Err(FormatError::Malformed { what: "key slot", reason: "its content does not match its name" })
        };
        slots.push(Slot { id, info, object });
    }
    Ok(slots)
}

/// What opening a slot gave.
pub(crate) struct OpenedSlot {
    pub keys: Keys,
    /// Id of the slot.
    pub id: String,
    /// All slots that were read, by their keys.
    pub objects: Vec<(String, Bytes)>,
}

/// Opens any slot among the objects that were listed with any of the credentials.
pub(crate) fn open_any(
    store: &Arc<dyn Store>,
    environment: &Environment,
    repository: RepositoryId,
    listed: &[ObjectInfo],
    credentials: &[Credential],
) -> RepoResult<OpenedSlot> {
    let slots = read_listed(store, environment, listed)?;
    let (mut readable, mut tried, mut undecided) = (0, 0, 0);
    let mut damage = Vec::new();
    let mut short_of_memory = None;
    for slot in &slots {
        match &slot.info {
            // Damaged, or for newer programs, which does not make a wrong password less wrong.
            Err(error) => damage.push(format!("slot {}: {error}", slot.id)),
            Ok(info) if info.repository != repository => {
                damage.push(format!("slot {} belongs to another repository", slot.id));
            }
            Ok(info) => {
                readable += 1;
                for credential in credentials.iter().filter(|credential| fits(info, credential)) {
                    tried += 1;
                    match open_slot(&slot.object, credential) {
                        Ok(keys) => {
                            let id = slot.id.clone();
                            return Ok(OpenedSlot { keys, id, objects: objects_of(slots) });
                        }
                        Err(FormatError::WrongKey) => {}
                        // Nothing is wrong with the slot; another one may open without.
                        Err(error @ FormatError::KeyDerivation { .. }) => short_of_memory = Some(error),
                        Err(error) => {
                            undecided += 1;
                            damage.push(format!("slot {}: {error}", slot.id));
                        }
                    }
                }
            }
        }
    }
    if let Some(error) = short_of_memory {
        return Err(error.into());
    }
    let location = store.location();
    let reason = if damage.is_empty() { "there is none".to_owned() } else { damage.join("; ") };
    if readable == 0 || undecided > 0 {
        return Err(RepoError::NoKeySlot { location, reason });
    }
    if !damage.is_empty() {
        tracing::warn!(reason, "some key slots cannot be used");
    }
    Err(RepoError::WrongKey { location, slots: tried })
}

/// Returns the stored objects; none if somebody has put very much there.
fn objects_of(slots: Vec<Slot>) -> Vec<(String, Bytes)> {
    let bytes: u64 = slots.iter().map(|slot| slot.object.len() as u64).sum();
    let slots = slots.into_iter().filter(|slot| !slot.object.is_empty() && bytes <= SLOT_BYTES_MAX);
    slots.map(|slot| (format!("{KEYS_PREFIX}{}", slot.id), Bytes::from(slot.object))).collect()
}

fn fits(info: &SlotInfo, credential: &Credential) -> bool {
    match (&info.kind, credential) {
        (SlotKind::Password(_), Credential::Password(_)) | (SlotKind::KeyFile, Credential::KeyFile(_)) => {
            true
        }
        (SlotKind::Kms(wanted), Credential::Kms { data_key, .. }) => wanted == data_key,
        _ => false,
    }
}

/// Returns the kinds of the slots of a repository that can be read; nothing has to be unlocked for it.
pub(crate) fn kinds(
    store: &Arc<dyn Store>,
    environment: &Environment,
    repository: RepositoryId,
) -> RepoResult<Vec<SlotKind>> {
    let infos = read_all(store, environment)?.into_iter().filter_map(|slot| slot.info.ok());
    Ok(infos.filter(|info| info.repository == repository).map(|info| info.kind).collect())
}

/// Lists the slots, damaged ones too.
pub fn list(repository: &Repository) -> RepoResult<Vec<Slot>> {
    read_all(repository.store(), repository.environment())
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
    let environment = repository.environment();
    let now = environment.now().seconds;
    let object = seal_slot(repository.keys(), credential, cost, label, now, &environment.salt())?;
    // Opened again before it counts: a slot that does not open would be noticed only when it is needed.
    open_slot(&object, credential).map_err(|source| RepoError::SelfVerification { source })?;
    let key = slot_key(&object);
    repository.put(&key, object.into(), PutCondition::Absent)?;
    Ok(key.strip_prefix(KEYS_PREFIX).unwrap_or(&key).to_owned())
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

/// What a change of the key did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// Id of the new slot.
    pub added: String,
    /// Ids of the old slots.
    pub removed: Vec<String>,
}

/// A change of the key of which the first half is done: the new key opens the repository, and the present one still does.
#[derive(Debug)]
#[must_use = "both keys open the repository until the change is finished or undone"]
pub struct StartedChange<'a> {
    repository: &'a Repository,
    present: &'a Credential,
    old: Vec<Slot>,
    added: String,
}

/// Adds a slot that `new` opens, with the label of the slot that `present` opens, and opens it from the store.
///
/// Fails if a slot of `present` cannot be found: who changes a key must be able to rely on it that the old one opens
/// nothing afterwards.
pub fn begin_change<'a>(
    repository: &'a Repository,
    present: &'a Credential,
    new: &Credential,
    cost: PasswordCost,
) -> RepoResult<StartedChange<'a>> {
    let old: Vec<Slot> = list(repository)?.into_iter().filter(|slot| slot.opens_with(present)).collect();
    let Some(first) = old.first() else {
        let reason = "the slot of the present key cannot be read any more".to_owned();
        return Err(RepoError::NoKeySlot { location: repository.store().location(), reason });
    };
    let label = first.info.as_ref().map_or("", |info| info.label.as_str());
    let added = add(repository, new, cost, label)?;
    let (store, environment) = (Arc::clone(repository.store()), repository.environment().clone());
    Repository::unlock(store, environment, std::slice::from_ref(new))?;
    Ok(StartedChange { repository, present, old, added })
}

impl StartedChange<'_> {
    /// Removes all slots that the present key opens; an earlier change may have been interrupted, so there may be several.
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

impl Slot {
    /// Says whether `credential` opens this slot.
    pub fn opens_with(&self, credential: &Credential) -> bool {
        self.info.is_ok() && open_slot(&self.object, credential).is_ok()
    }
}

#[cfg(test)]
mod tests;
