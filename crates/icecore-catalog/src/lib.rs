//! The SQLite catalogue: schema, bulk load, chunk look-up, search, journals.
//!
//! Architecture invariants: the only crate with rusqlite; a cache, so losing it costs time and nothing else;
//! SQLite is asked per pack and per run, never per chunk.
//!
//! The catalogue and the table of chunks beside it contain: pack directories (names of packs; ids and lengths
//! of chunks); snapshots and the log, sealed, the newest as they came from the store and all others in a
//! bundle; when packs were last verified; and which packs a node of a manifest needs. They contain no file
//! names, no contents and no keys. The catalogue is not encrypted; its directory has mode 700. Blocks of
//! manifests are stored beside it in separate files, sealed as they came from the store.

mod block_cache;
mod bound;
mod bundles;
mod catalog;
mod checksum;
mod chunk_table;
pub mod directory_row;
mod error;
mod files;
mod log;
mod node_packs;
mod packs;
mod schema;
mod snapshots;
mod state;
mod verifications;

#[cfg(test)]
mod samples;

pub use block_cache::BlockCache;
pub use bound::{RemovedCatalogues, remove_unused};
pub use bundles::{BundleKind, StoredBundle};
pub use catalog::{Catalog, CatalogOpening, RebuildReason};
pub use chunk_table::{ChunkPlace, ChunkTable, TablePack};
pub use directory_row::DirectoryRow;
pub use error::CatalogError;
pub use log::StoredRecord;
pub use node_packs::NodePacks;
pub use packs::LoadReport;
pub use snapshots::StoredSnapshot;
