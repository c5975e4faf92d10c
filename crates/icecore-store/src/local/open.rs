//! Opening and creating the directory of a local store.

use std::{
    fs::{DirBuilder, File},
    io::ErrorKind,
    os::{fd::AsFd, unix::fs::DirBuilderExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};

use super::{
    directory::{DIRECTORY_MODE, Root, sync_directory},
    failure::Call,
};
use crate::{error::StoreError, store::StoreResult};

/// Opens the directory `path`; symbolic links on the way are followed.
pub(super) fn open(path: &Path) -> StoreResult<Root> {
    let location = path.display().to_string();
    let call = Call { operation: "open", key: &location };
    let absolute = std::path::absolute(path).map_err(|error| call.failed_io(error))?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match rustix::fs::open(&absolute, flags, Mode::empty()) {
        Ok(directory) => Ok(Root::new(absolute, directory)),
        Err(Errno::NOENT) => Err(StoreError::NoSuchDirectory { location }),
        Err(Errno::NOTDIR) => Err(call.unsupported("it is not a directory")),
        Err(errno) => Err(call.failed_inside(errno)),
    }
}

/// Creates the directory `path` and its missing parents, and makes their names durable.
pub(super) fn create_directories(path: &Path) -> StoreResult<()> {
    let location = path.display().to_string();
    let call = Call { operation: "create", key: &location };
    let absolute = std::path::absolute(path).map_err(|error| call.failed_io(error))?;
    for directory in missing_directories(&absolute) {
        match DirBuilder::new().mode(DIRECTORY_MODE.bits()).create(&directory) {
            Ok(()) => {}
            // Another process created it meanwhile, or it is a file: then opening it fails.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(call.failed_io(error)),
        }
        let parent = directory.parent().unwrap_or(Path::new("/"));
        let opened = File::open(parent).map_err(|error| call.failed_io(error))?;
        sync_directory(opened.as_fd()).map_err(|errno| call.failed_inside(errno))?;
    }
    Ok(())
}

/// Returns the missing directories on the way to `path`, the uppermost one first.
fn missing_directories(path: &Path) -> Vec<PathBuf> {
    let is_missing = |directory: &&Path| matches!(rustix::fs::stat(*directory), Err(Errno::NOENT));
    let mut missing: Vec<_> = path.ancestors().take_while(is_missing).map(Path::to_owned).collect();
    missing.reverse();
    missing
}
