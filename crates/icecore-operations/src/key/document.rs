//! Key slots and their changes as JSON: a section of `docs/json.md`.

use icecore_format::{entry::Time, slot::SlotKind};
use icecore_repo::{repository::Repository, slots::Slot};
use serde::Serialize;

use super::{ChangedKeys, KeyList, MovedFile};
use crate::text;

/// A key slot.
#[derive(Clone, Debug, Serialize)]
pub struct SlotDocument {
    /// Its id.
    pub id: String,
    /// What opens it; none if it is damaged.
    pub kind: Option<&'static str>,
    /// ARN of the key of AWS KMS that opens it.
    pub kms_key: Option<String>,
    /// Its label.
    pub label: Option<String>,
    /// When it was made.
    pub created: Option<String>,
    /// Memory for opening it with a password.
    pub memory_kib: Option<u32>,
    /// Passes over that memory.
    pub passes: Option<u32>,
    /// Parts of it that are processed at the same time.
    pub lanes: Option<u32>,
    /// Whether it opened the repository for this command.
    pub in_use: bool,
    /// What is wrong with it.
    pub damage: Option<String>,
}

/// A change of keys.
#[derive(Clone, Debug, Serialize)]
pub struct ChangedDocument {
    /// Slot that was added.
    pub added: Option<String>,
    /// Key file that opens it.
    pub key_file: Option<String>,
    /// Slots that were removed.
    pub removed: Vec<String>,
    /// Key files that were renamed.
    pub moved: Vec<MovedDocument>,
}

/// A key file that was renamed.
#[derive(Clone, Debug, Serialize)]
pub struct MovedDocument {
    key_file: String,
    kept_as: String,
    holds_new_key: bool,
}

impl KeyList {
    /// Returns the slots for JSON, in the same order.
    pub fn documents(&self) -> Vec<SlotDocument> {
        self.slots.iter().map(|slot| SlotDocument::new(&self.repository, slot)).collect()
    }
}

impl SlotDocument {
    /// Makes the document of a slot of an unlocked repository.
    fn new(repository: &Repository, slot: &Slot) -> Self {
        let info = slot.info.as_ref().ok();
        let cost =
            info.and_then(|info| if let SlotKind::Password(cost) = info.kind { Some(cost) } else { None });
        let kms = info.and_then(|info| if let SlotKind::Kms(key) = &info.kind { Some(key) } else { None });
        let foreign = info.is_some_and(|info| info.repository != repository.id());
        let damage = slot.info.as_ref().err().map(ToString::to_string);
        Self {
            id: slot.id.clone(),
            kind: info.map(|info| match info.kind {
                SlotKind::Password(_) => "password",
                SlotKind::KeyFile => "key-file",
                SlotKind::Kms(_) => "kms",
            }),
            kms_key: kms.map(|data_key| data_key.key_arn.clone()),
            label: info.map(|info| info.label.clone()),
            created: info
                .and_then(|info| text::utc_time(Time { seconds: info.created_seconds, nanoseconds: 0 })),
            memory_kib: cost.map(|cost| cost.memory_kib),
            passes: cost.map(|cost| cost.passes),
            lanes: cost.map(|cost| cost.lanes),
            in_use: slot.id == repository.slot(),
            damage: damage.or_else(|| foreign.then(|| "it belongs to another repository".to_owned())),
        }
    }
}

impl From<&ChangedKeys> for ChangedDocument {
    fn from(change: &ChangedKeys) -> Self {
        Self {
            added: change.added.clone(),
            key_file: change.key_file.as_ref().map(|path| path.display().to_string()),
            removed: change.removed.clone(),
            moved: change.moved.iter().map(MovedDocument::from).collect(),
        }
    }
}

impl From<&MovedFile> for MovedDocument {
    fn from(file: &MovedFile) -> Self {
        Self {
            key_file: file.path.display().to_string(),
            kept_as: file.kept.display().to_string(),
            holds_new_key: file.holds_new_key,
        }
    }
}
