//! Lists, adds, removes and changes key slots.

use std::{fs, path::PathBuf};

use icecore_access::{AccessMode, RepositoryAccess, kms, unlock};
use icecore_format::slot::PasswordCost;
use icecore_repo::{
    repository::Repository,
    slots::{self, Slot},
};

use super::{
    KeyError, KeyEvents, KeyNotice, MovedFile, NewKeyRequest, NewKeySource,
    new_key::{self, is_same},
    rotation,
};
use crate::error::OperationResult;

/// The key slots of a repository.
#[derive(Debug)]
pub struct KeyList {
    pub(super) repository: Repository,
    /// The slots, including unreadable ones.
    pub slots: Vec<Slot>,
}

/// A change of keys.
#[derive(Clone, Debug, Default)]
pub struct ChangedKeys {
    /// Slot that was added.
    pub added: Option<String>,
    /// Key file that opens it.
    pub key_file: Option<PathBuf>,
    /// Whether the new key is found without a given key.
    pub is_found: bool,
    /// Slots that were removed.
    pub removed: Vec<String>,
    /// Key files that were renamed.
    pub moved: Vec<MovedFile>,
}

/// Lists the key slots.
pub fn list(access: &RepositoryAccess) -> OperationResult<KeyList> {
    let store = access.open_store(AccessMode::Read)?;
    let repository = unlock::unlock(access, &store)?;
    let slots = slots::list(&repository)?;
    Ok(KeyList { repository, slots })
}

/// Adds a slot for a new key.
pub fn add(access: &RepositoryAccess, request: &NewKeyRequest) -> OperationResult<ChangedKeys> {
    let store = access.open_store(AccessMode::Write)?;
    let repository = unlock::unlock(access, &store)?;
    let new = new_key::get(access, &repository, &request.source)?;
    let id = slots::add(&repository, &new.credential, PasswordCost::default(), &request.label)?;
    kms::advise_recovery(access, &slots::list(&repository)?);
    let is_found = rotation::is_found(access, &repository, &new.credential);
    Ok(ChangedKeys { added: Some(id), key_file: new.file, is_found, ..ChangedKeys::default() })
}

/// Removes the slot whose id is, or begins with, `id`.
pub fn remove(access: &RepositoryAccess, id: &str, events: &dyn KeyEvents) -> OperationResult<ChangedKeys> {
    let store = access.open_store(AccessMode::Write)?;
    let (repository, present) = unlock::unlock_with_credential(access, &store)?;
    let id = slots::remove(&repository, &id.to_ascii_lowercase())?;
    if id == repository.slot() && !rotation::opens(&repository, &present)? {
        events.notice(&KeyNotice::OwnSlotRemoved);
    }
    rotation::report_useless_default(access, &repository, events)?;
    Ok(ChangedKeys { removed: vec![id], ..ChangedKeys::default() })
}

/// Replaces the key that opens the repository now with a new one, also in the key files that are used without
/// a given key.
pub fn change(
    access: &RepositoryAccess,
    source: &NewKeySource,
    events: &dyn KeyEvents,
) -> OperationResult<ChangedKeys> {
    let store = access.open_store(AccessMode::Write)?;
    let (repository, present) = unlock::unlock_with_credential(access, &store)?;
    let new = new_key::get(access, &repository, source)?;
    if is_same(&new.credential, &present) {
        return Err(KeyError::IsPresent.into());
    }
    let started = slots::begin_change(&repository, &present, &new.credential, PasswordCost::default())?;
    let moved = match rotation::move_files(access, &repository, &present, &new) {
        Ok(moved) => moved,
        Err(error) => {
            started.undo()?;
            if let (true, Some(path)) = (new.is_new, &new.file) {
                // It opens nothing.
                fs::remove_file(path).unwrap_or_default();
            }
            return Err(KeyError::FilesStay(error).into());
        }
    };
    let changed = started.finish()?;
    rotation::report_old(access, &repository, &new, events)?;
    let is_found = rotation::is_found(access, &repository, &new.credential);
    let (added, removed) = (Some(changed.added), changed.removed);
    Ok(ChangedKeys { added, key_file: new.file, is_found, removed, moved })
}
