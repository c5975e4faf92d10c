//! Key slots as they are stored: reading, opening and writing them. The repository does not have to be
//! unlocked.

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
};

/// A key slot as it is stored.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Id of the slot, in hexadecimal.
    pub id: String,
    /// Content of the slot, or what is wrong with it.
    pub info: Result<SlotInfo, FormatError>,
    object: Vec<u8>,
}

pub(crate) fn read_all(store: &Arc<dyn Store>, environment: &Environment) -> RepoResult<Vec<Slot>> {
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

/// Result of opening a slot.
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
            // Damaged, or for newer programs; the password may still be wrong.
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
                        // The slot is fine; another one may open with less memory.
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
    let reason = if damage.is_empty() { "none was found".to_owned() } else { damage.join("; ") };
    if readable == 0 || undecided > 0 {
        return Err(RepoError::NoKeySlot { location, reason });
    }
    if !damage.is_empty() {
        tracing::warn!(reason, "some key slots are unusable");
    }
    Err(RepoError::WrongKey { location, slots: tried })
}

/// Returns the stored objects; none if there are far too many bytes of them.
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

/// Returns the kinds of the readable slots of a repository; it does not have to be unlocked.
pub(crate) fn kinds(
    store: &Arc<dyn Store>,
    environment: &Environment,
    repository: RepositoryId,
) -> RepoResult<Vec<SlotKind>> {
    let infos = read_all(store, environment)?.into_iter().filter_map(|slot| slot.info.ok());
    Ok(infos.filter(|info| info.repository == repository).map(|info| info.kind).collect())
}

/// Writes a slot that `credential` opens and returns its id.
pub(crate) fn write(
    store: &Arc<dyn Store>,
    environment: &Environment,
    keys: &Keys,
    credential: &Credential,
    cost: PasswordCost,
    label: &str,
) -> RepoResult<String> {
    let object = seal_slot(keys, credential, cost, label, environment.now().seconds, &environment.salt())?;
    // Opened again before it counts: otherwise a bad slot would be noticed only when it is needed.
    open_slot(&object, credential).map_err(|source| RepoError::SelfVerification { source })?;
    let key = slot_key(&object);
    environment.runtime.block_on(store.put(&key, object.into(), PutCondition::Absent))?;
    Ok(key.strip_prefix(KEYS_PREFIX).unwrap_or(&key).to_owned())
}

impl Slot {
    /// Returns whether `credential` opens this slot.
    pub fn opens_with(&self, credential: &Credential) -> bool {
        self.info.is_ok() && open_slot(&self.object, credential).is_ok()
    }
}
