//! `key`: lists, adds, removes and changes the keys of a repository.

mod document;
mod error;
mod events;
mod new_key;
mod request;
mod rotation;
mod run;

pub use document::{ChangedDocument, MovedDocument, SlotDocument};
pub use error::KeyError;
pub use events::{KeyEvents, KeyNotice};
pub use request::{NewKeyRequest, NewKeySource};
pub use rotation::MovedFile;
pub use run::{ChangedKeys, KeyList, add, change, list, remove};

#[cfg(test)]
mod tests;
