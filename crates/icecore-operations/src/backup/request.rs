//! Request: what to back up, and how.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::PathBuf,
};

use icecore_format::snapshot::{DedupScope, Level};

use super::SourceSettings;
use crate::{error::OperationError, init::InitRequest};

/// Opens an existing input, such as standard input.
pub type OpenInput = fn() -> io::Result<OwnedFd>;

/// Sources that the user chose.
#[derive(Clone, Debug, Default)]
pub struct SourceChoice {
    /// Paths; none if a source of the configuration is named.
    pub paths: Vec<PathBuf>,
    /// Name of the source.
    pub name: Option<String>,
    /// A stream instead of paths.
    pub stream: Option<StreamChoice>,
}

/// A stream that is backed up as a file.
#[derive(Clone, Debug)]
pub enum StreamChoice {
    /// An existing input.
    Input {
        /// Name of the file in the snapshot.
        file_name: OsString,
        /// Opens it.
        open: OpenInput,
    },
    /// The output of a command.
    Command {
        /// Name of the file in the snapshot.
        file_name: OsString,
        /// The command with its arguments.
        program: Vec<OsString>,
    },
}

impl StreamChoice {
    /// Returns the name of the file in the snapshot.
    pub fn file_name(&self) -> &OsStr {
        match self {
            Self::Input { file_name, .. } | Self::Command { file_name, .. } => file_name,
        }
    }
}

/// Request: what to back up, and how.
#[derive(Debug)]
pub struct BackupRequest {
    /// The sources, from [`super::plan()`].
    pub sources: Vec<SourceRequest>,
    /// Options for all of them.
    pub options: BackupOptions,
    /// Directory for relative paths of the user, absolute; none if it is not known.
    pub working_directory: Option<PathBuf>,
}

/// Options for all sources of a request.
#[derive(Clone, Debug)]
pub struct BackupOptions {
    /// Host to record in the snapshots, if it is not this one.
    pub host: Option<String>,
    /// Which files are read again.
    pub level: Level,
    /// Which packs the snapshots may refer to; if absent, the same as for the last full.
    pub dedup: Option<DedupScope>,
    /// How to create the repository if there is none; if absent, that is an error.
    pub create: Option<InitRequest>,
    /// Whether it is a dry run.
    pub dry_run: bool,
}

/// A snapshot to be made.
#[derive(Debug)]
pub struct SourceRequest {
    /// The source as the user typed it.
    pub shown: Vec<u8>,
    /// Name of the source.
    pub name: String,
    /// Whether the user chose the name.
    pub name_given: bool,
    /// Its kind.
    pub kind: SourceKind,
    /// How it is backed up.
    pub settings: SourceSettings,
}

/// Kind of a source.
#[derive(Debug)]
pub enum SourceKind {
    /// A directory or a single object.
    Tree {
        /// Path as the user typed it.
        path: PathBuf,
        /// Absolute path without symbolic links.
        real: PathBuf,
    },
    /// A stream.
    Stream(StreamChoice),
    /// A source that has failed already.
    Failed(OperationError),
}

impl SourceRequest {
    /// Returns the root as the engine records it.
    pub fn root(&self) -> Option<Vec<u8>> {
        match &self.kind {
            SourceKind::Tree { real, .. } => Some(real.as_os_str().as_bytes().to_vec()),
            SourceKind::Stream(stream) => Some(stream.file_name().as_bytes().to_vec()),
            SourceKind::Failed(_) => None,
        }
    }
}
