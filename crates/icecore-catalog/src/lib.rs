//! The SQLite catalogue: schema, bulk load, chunk look-up, search, journals.
//!
//! Architecture invariants: the only crate with rusqlite; a cache, so losing it costs time and nothing else; asked per
//! pack and per run, never per chunk.
