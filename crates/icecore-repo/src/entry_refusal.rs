//! Why an entry cannot be part of a manifest.

use icecore_format::error::FormatError;

/// Why an entry cannot be part of a manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntryRefusal {
    /// It does not follow the entry before it.
    #[error("its path is out of order")]
    OutOfOrder,
    /// The snapshot has no directory that holds it.
    #[error("its directory is not in the snapshot")]
    NoDirectory,
    /// Another name of the same file has another content.
    #[error("its content differs from that of another hard link to the same file")]
    LinksDiffer,
    /// It exceeds a bound of the format, or breaks one of its rules.
    #[error(transparent)]
    Format(FormatError),
}
