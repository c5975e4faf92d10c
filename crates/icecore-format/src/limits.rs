//! Bounds of everything that stored bytes may ask for. Readers refuse larger values; writers never produce
//! them.

/// Format version that this crate writes, and the newest that it reads.
pub const FORMAT_VERSION: u16 = 1;
/// Largest chunk in bytes, of any kind.
pub const CHUNK_BYTES_MAX: u32 = 16 << 20;
/// Largest block in bytes before compression.
pub const BLOCK_BYTES_MAX: u32 = 32 << 20;
/// Largest pack in bytes. Glacier's expedited retrieval ends at 250 MB.
pub const PACK_BYTES_MAX: u64 = 256 << 20;
/// Most blocks in a pack.
pub const PACK_BLOCKS_MAX: usize = 1 << 20;
/// Most chunks in a pack.
pub const PACK_CHUNKS_MAX: usize = 1 << 22;
/// Longest path in an entry, in bytes.
pub const PATH_BYTES_MAX: usize = 4 << 20;
/// Longest name of one path component in bytes (Linux allows 255; some file systems more).
pub const NAME_BYTES_MAX: usize = 4096;
/// Most bytes of names and values of the extended attributes of one entry.
pub const ATTRIBUTES_BYTES_MAX: usize = 4 << 20;
/// Most extended attributes of one entry.
pub const ATTRIBUTES_MAX: usize = 1 << 16;
/// Most extended attributes of all entries of one manifest node: decoded, they take twenty times the space
/// that they take in the node.
pub const NODE_ATTRIBUTES_MAX: usize = 1 << 17;
/// Most holes of one file.
pub const HOLES_MAX: usize = 1 << 13;
/// Most chunks that an entry lists inline. A longer list becomes a chunk-list tree.
///
/// The lists of a few large files must not decide where manifest nodes end.
pub const INLINE_CHUNKS_MAX: usize = 8;
/// Most entries or children of one manifest node.
pub const NODE_ITEMS_MAX: usize = 1 << 12;
/// Largest level of a manifest node or chunk-list node; leaves have level 0.
pub const NODE_LEVEL_MAX: u8 = 15;
/// Most bytes of all paths of one manifest node, written out: limits the expansion of front-coded paths.
pub const NODE_PATH_BYTES_MAX: usize = 8 << 20;
/// Longest target of a symbolic link in bytes (Linux allows 4095).
pub const TARGET_BYTES_MAX: usize = 1 << 16;
/// Largest record of a pack directory before compression, in bytes.
pub const DIRECTORY_BYTES_MAX: u32 = 256 << 20;
/// Largest record of any other sealed object before compression, in bytes. All snapshots of a repository are
/// held in memory at once.
pub const RECORD_BYTES_MAX: u32 = 1 << 20;
/// Longest object with a pack directory, in bytes: sealed and padded, if it does not compress.
pub const DIRECTORY_OBJECT_BYTES_MAX: u64 = object_bytes_max(DIRECTORY_BYTES_MAX);
/// Longest object with any other record, in bytes.
pub const RECORD_OBJECT_BYTES_MAX: u64 = object_bytes_max(RECORD_BYTES_MAX);
/// Most bytes of any text of a snapshot (source, host, tag, …).
pub const TEXT_BYTES_MAX: usize = 1 << 16;
/// Most items of each list of a log record; a writer with more items writes several records.
pub const LOG_ITEMS_MAX: usize = 1 << 10;
/// Most bytes of any text of a log record; a writer truncates longer texts. Full lists fit into a record.
pub const LOG_TEXT_BYTES_MAX: usize = 192;
/// Most copies in an index object.
pub const INDEX_COPIES_MAX: usize = 1 << 12;
/// Largest record of an index object before compression, in bytes.
pub const INDEX_BYTES_MAX: u32 = 16 << 20;
/// Longest index object in bytes.
pub const INDEX_OBJECT_BYTES_MAX: u64 = object_bytes_max(INDEX_BYTES_MAX);
/// Most holds of a log record: if the other lists are full and all texts have the maximum length, more would
/// not fit.
pub const LOG_HOLDS_MAX: usize = 1 << 9;
/// Largest collection record before compression, in bytes.
pub const COLLECTION_BYTES_MAX: u32 = 64 << 20;
/// Longest object with a collection record, in bytes.
pub const COLLECTION_OBJECT_BYTES_MAX: u64 = object_bytes_max(COLLECTION_BYTES_MAX);
/// Most packs of a collection; the next collection takes the others.
pub const COLLECTION_PACKS_MAX: usize = 1 << 16;
/// Most deleted snapshots, and most runs that are waited for, of a collection.
pub const COLLECTION_SNAPSHOTS_MAX: usize = 1 << 16;
/// Most dead runs, most cleared runs, and most usable packs of all dead runs, of a collection record.
pub const COLLECTION_RUNS_MAX: usize = 1 << 20;
/// Longest store version of an object in a collection record, in bytes.
pub const COLLECTION_VERSION_BYTES_MAX: usize = 1 << 8;
/// Largest record of a bundle before compression, in bytes: about 60,000 snapshots. Records that do not fit
/// are kept one by one.
pub const BUNDLE_BYTES_MAX: u32 = 32 << 20;
/// Most patterns, and most paths, that a snapshot lists as left out.
pub const LEFT_OUT_ITEMS_MAX: usize = 1 << 12;
/// Most bytes of these together; each counts as its length plus 8 bytes.
pub const LEFT_OUT_BYTES_MAX: usize = 1 << 18;
/// Largest number in the order of a source's snapshots. Larger numbers are ignored, so that one absurd number
/// does not exhaust the numbers of later snapshots.
pub const SEQUENCE_MAX: u64 = 1 << 53;
/// Most tags of a snapshot.
pub const TAGS_MAX: usize = 1 << 10;

/// Padding adds at most an eighth; headers and tag are shorter than the constant.
const fn object_bytes_max(record_bytes_max: u32) -> u64 {
    record_bytes_max as u64 / 8 * 9 + 4096
}
