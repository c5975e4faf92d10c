//! Opens and unlocks a repository; reads chunks; write session: dedup, block and pack assembly, upload,
//! commit order.
//!
//! Architecture invariants: never deletes an object; never touches a source or a restore target;
//! authenticates everything before using it, and verifies the id of every chunk.

pub mod buffers;
pub mod collections;
mod compaction;
mod entry_refusal;
pub mod environment;
pub mod error;
mod fetch_sizes;
pub mod index;
pub mod lease;
pub mod listing;
pub mod log;
pub mod manifest;
mod manifest_root;
pub mod reader;
mod recovery;
pub mod repository;
pub mod session;
pub mod slots;
mod small_objects;
pub mod snapshots;
mod stored_packs;
mod stored_slots;
pub mod whole_pack;

#[cfg(test)]
mod bed;
