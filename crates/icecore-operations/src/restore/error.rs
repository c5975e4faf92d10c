//! Why nothing is restored.

use std::path::PathBuf;

/// Why nothing is restored, besides errors of the engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreRefusal {
    /// The target is a directory of the running system, and the user has not confirmed it.
    #[error(
        "the target {} is a directory of the running system ({directory}); nothing was restored",
        .target.display()
    )]
    SystemDirectory {
        /// Target as the user typed it.
        target: PathBuf,
        /// The directory.
        directory: &'static str,
    },
    /// A stream has no original location.
    #[error("the snapshot is of a stream, which has no original location")]
    Stream,
    /// A single file would not return to its original path.
    #[error("the snapshot is of a single file whose name differs from that of the source's root")]
    OtherName,
    /// The earlier snapshot is of another source.
    #[error("the earlier snapshot is of {base}, but the snapshot to restore is of {restored}")]
    OtherSource {
        /// Source of the earlier snapshot.
        base: String,
        /// Source of the snapshot to be restored.
        restored: String,
    },
    /// The source has no earlier snapshot.
    #[error("the source {name} has no {} before {id}", if *.only_full { "full" } else { "snapshot" })]
    NothingBefore {
        /// Name of the source.
        name: String,
        /// Id of the snapshot to be restored.
        id: String,
        /// Whether a full is needed.
        only_full: bool,
    },
    /// No entry matches any of the patterns.
    #[error("nothing in snapshot {id} matches {}", .patterns.join(" or "))]
    NothingIncluded {
        /// Id of the snapshot.
        id: String,
        /// Root of its source.
        root: Vec<u8>,
        /// Directory in the snapshot that patterns are relative to.
        path: Vec<u8>,
        /// The patterns.
        patterns: Vec<String>,
    },
}
