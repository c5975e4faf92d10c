//! The input of a backup, as far as it is known before anything is written.

use std::os::unix::ffi::OsStrExt;

use icecore_format::path;
use icecore_fs::{entry::EntryKind, error::FsError, stat_root};

use crate::{
    error::{BackupError, BackupResult},
    request::{BackupRequest, BackupSource},
};

/// The input of a backup.
pub(crate) struct Input {
    /// Root as it is recorded.
    pub root: Vec<u8>,
    /// The root is a directory.
    pub directory: bool,
    /// It may be empty.
    pub allow_empty: bool,
    /// Command that writes the stream; empty for everything else.
    pub command: Vec<String>,
}

impl Input {
    /// Looks at the object that the request names.
    pub fn prepare(request: &BackupRequest) -> BackupResult<Self> {
        let allow_empty = request.allow_empty;
        match &request.source {
            BackupSource::Tree { path } => {
                let directory = stat_root(path, true)?.kind == EntryKind::Directory;
                let real = path.canonicalize().map_err(|source| {
                    FsError::new("find the real path of", path.as_os_str().as_bytes(), source)
                })?;
                let root = real.as_os_str().as_bytes().to_vec();
                Ok(Self { root, directory, allow_empty, command: Vec::new() })
            }
            BackupSource::Stream { file_name, command, .. } => {
                let one_component = !file_name.is_empty() && !file_name.contains(&b'/');
                if !one_component || path::validate(file_name).is_err() || file_name.len() > 255 {
                    let name = String::from_utf8_lossy(file_name).into_owned();
                    return Err(BackupError::StreamName { name });
                }
                let (root, command) = (file_name.clone(), command.clone());
                Ok(Self { root, directory: false, allow_empty, command })
            }
        }
    }
}
