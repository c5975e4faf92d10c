//! Reads a source tree and re-creates one: ordered parallel walk, metadata, xattr/ACL, hard links, sparse
//! files, excludes, freeze; capture and apply are symmetric.
//!
//! Architecture invariants: knows nothing about chunks, repositories or networks; never follows a symbolic
//! link, neither in a source nor in a target; never modifies a source; holds a bounded number of entries in
//! memory, independent of the size of the tree.

mod directory;
pub mod entry;
pub mod error;
pub mod excludes;
pub mod flags;
pub mod names;
mod network;
pub mod source_file;
mod stat;
pub mod target;
pub mod walk;
pub mod xattr;

pub use directory::Directory;
pub use directory::pool::raise_descriptor_limit;
pub use network::{is_network_file_system, shared_file_system};
pub use stat::{kernel_device_number, stat_root};
