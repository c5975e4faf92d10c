//! What is to be backed up, and how.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::PathBuf,
};

use icecore_format::snapshot::{DedupScope, Level};

use super::SourceSettings;
use crate::{error::OperationError, init::InitRequest};

/// Opens an input that is at hand, such as standard input.
pub type OpenInput = fn() -> io::Result<OwnedFd>;

/// Which sources were asked for.
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
    /// An input that is at hand.
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

/// What is to be backed up, and how.
#[derive(Debug)]
pub struct BackupRequest {
    /// The sources, as [`super::plan()`] makes them.
    pub sources: Vec<SourceRequest>,
    /// What holds for all of them.
    pub options: BackupOptions,
    /// Directory that relative paths of the user start from, absolute; none if it is not known.
    pub working_directory: Option<PathBuf>,
}

/// What holds for all sources of a request.
#[derive(Clone, Debug)]
pub struct BackupOptions {
    /// Host that the snapshots are recorded for, if not this one.
    pub host: Option<String>,
    /// Which files are read again.
    pub level: Level,
    /// Which packs the snapshots may refer to, if not as for the last full.
    pub dedup: Option<DedupScope>,
    /// How the repository is created, if there is none; without it, that is an error.
    pub create: Option<InitRequest>,
    /// Whether nothing is to be written.
    pub dry_run: bool,
}

/// One snapshot that is to be made.
#[derive(Debug)]
pub struct SourceRequest {
    /// What the user wrote.
    pub shown: Vec<u8>,
    /// Name of the source.
    pub name: String,
    /// The user chose the name.
    pub name_given: bool,
    /// What it is.
    pub kind: SourceKind,
    /// How it is backed up.
    pub settings: SourceSettings,
}

/// What a source is.
#[derive(Debug)]
pub enum SourceKind {
    /// A directory or a single object.
    Tree {
        /// Path as the user wrote it.
        path: PathBuf,
        /// Absolute path without symbolic links.
        real: PathBuf,
    },
    /// A stream.
    Stream(StreamChoice),
    /// Something that there will be no snapshot of.
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
