//! Reads a source tree and re-creates one: ordered parallel walk, metadata, xattr/ACL, hard links, sparse files,
//! excludes, freeze; capture and apply are symmetric.
//!
//! Architecture invariants: knows nothing of chunks, repositories or networks; never follows a symbolic link, on
//! neither side; never modifies a source; holds a bounded number of entries in memory, whatever the size of the tree.

pub mod entry;
