//! The manifest as a tree in the store: reading it in order, looking paths up, comparing two, writing a new
//! one.

mod chunk_list;
mod cursor;
mod difference;
mod soundness;
mod writer;

pub use chunk_list::{ChunkListReader, ChunkListWriter, write_chunk_list};
pub use cursor::{LeafIdentity, ManifestCursor};
pub use difference::{Change, differences, next_difference};
pub use soundness::LinkAgreement;
pub use writer::ManifestWriter;

pub use crate::{entry_refusal::EntryRefusal, manifest_root::ManifestRoot};

#[cfg(test)]
mod tests;
