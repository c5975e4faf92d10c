//! Decides every byte at rest: chunker, ids, keys and encryption, block, pack, manifest node, snapshot,
//! version handling.
//!
//! Architecture invariants: does no I/O, reads no clock, draws no randomness of its own (salts and ids are
//! arguments); every length that comes from stored bytes is bounded before anything is allocated for it;
//! nothing is parsed or decompressed before it has been authenticated.

pub mod bundle;
pub mod chunk_list;
pub mod chunker;
pub mod collection;
pub mod compression;
pub mod directory;
pub mod entry;
pub mod error;
pub mod header;
pub mod history;
pub mod ids;
pub mod index_object;
pub mod keys;
pub mod layout;
pub mod limits;
pub mod log;
pub mod node;
pub mod pack;
pub mod path;
pub mod seal;
pub mod slot;
pub mod snapshot;

mod cbor;
#[cfg(test)]
mod fixtures;
mod object_kind;
mod time;

const _: () =
    assert!(usize::BITS == 64, "Icecore runs on 64-bit targets only: lengths of stored objects are u64");
