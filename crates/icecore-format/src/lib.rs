//! Decides every byte at rest: chunker, ids, keys and encryption, block, pack, manifest node, snapshot, version handling.
//!
//! Architecture invariants: does no I/O, reads no clock, draws no randomness of its own (salts and ids are
//! arguments); every length that comes from stored bytes is bounded before anything is allocated for it; nothing is
//! parsed or decompressed before it has been authenticated.
