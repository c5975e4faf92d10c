//! Why a request for backups is refused, or a source is not backed up.

use std::{io, path::PathBuf};

use icecore_backup::error::BackupError;
use icecore_format::limits::{TAGS_MAX, TEXT_BYTES_MAX};
use icecore_fs::excludes::{ExcludeError, IneffectivePattern};

use crate::text;

/// Why a request for backups is refused, or a source is not backed up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupFault {
    /// No source was named.
    #[error("no PATH is given")]
    NoPath,
    /// The configuration does not have the named source.
    #[error("no PATH is given, and the configuration file has no source {name:?}")]
    UnknownSource {
        /// The name.
        name: String,
    },
    /// One name was given for several paths.
    #[error("two sources cannot have the same name")]
    OneName,
    /// The path cannot provide a name for the source.
    #[error("cannot derive a source name from {}", text::quoted(.path))]
    Unnamed {
        /// The path.
        path: Vec<u8>,
    },
    /// Two paths are the same directory.
    #[error("{} and {} are the same directory", text::printable(.first), text::printable(.second))]
    SameDirectory {
        /// First path as the user typed it.
        first: Vec<u8>,
        /// Other path as the user typed it.
        second: Vec<u8>,
    },
    /// Two paths would be sources with the same name.
    #[error("{} and {} would both get the source name {name}", text::printable(.first), text::printable(.second))]
    SameName {
        /// First path as the user typed it.
        first: Vec<u8>,
        /// Other path as the user typed it.
        second: Vec<u8>,
        /// The name.
        name: String,
    },
    /// There are too many tags, or one is too long.
    #[error("a snapshot can have at most {TAGS_MAX} tags of at most {TEXT_BYTES_MAX} bytes each")]
    Tags,
    /// An exclude pattern, or a file with patterns, cannot be used.
    #[error("failed to {}", text::reason(.0))]
    Exclude(ExcludeError),
    /// A pattern of the request has no effect on any source.
    #[error("{0}")]
    IneffectivePattern(Box<IneffectivePattern>),
    /// A path does not exist or cannot be reached.
    #[error("failed to back up {}: {}", .path.display(), text::reason(.source))]
    Unreachable {
        /// Path as the user typed it.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The name already belongs to another directory.
    #[error(
        "the source name {name} belongs to {} already; {} would get the same name",
        text::printable(.last),
        text::printable(.root)
    )]
    OtherRoot {
        /// Name of the source.
        name: String,
        /// Root of its last snapshot.
        last: Vec<u8>,
        /// Given root.
        root: Vec<u8>,
    },
    /// The input cannot be opened.
    #[error("failed to open standard input: {}", text::reason(.0))]
    Input(io::Error),
    /// A command cannot be started.
    #[error("failed to run {command}: {}", text::reason(.source))]
    Start {
        /// Name of the command.
        command: String,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A command is empty.
    #[error("failed to run the command: it is empty")]
    NoCommand,
    /// A command has no output stream.
    #[error("failed to run {command}: its output cannot be read")]
    NoOutput {
        /// Name of the command.
        command: String,
    },
    /// The backup of a source failed.
    #[error("no snapshot of {}: {}", text::printable(.shown), text::reason(.source))]
    NoSnapshot {
        /// The source as the user typed it.
        shown: Vec<u8>,
        /// Why.
        source: Box<BackupError>,
    },
}
