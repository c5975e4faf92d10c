//! Directory and files of the catalogue, and file operations on them.
//!
//! This module never opens the database itself: when a process closes any handle of a file, it loses all its
//! POSIX locks on that file, including those of SQLite.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use icecore_format::ids::RepositoryId;

use crate::error::CatalogError;

/// Prefix of the files of the block cache.
pub(crate) const BLOCK_PREFIX: &str = "block-";
const DATABASE: &str = "catalogue.sqlite";
const LOCK: &str = "catalogue.lock";
/// Prefixes of all files that this crate creates in the directory, …
const OWN_PREFIXES: [&str; 3] = ["catalogue.", "chunks", BLOCK_PREFIX];
/// … and the suffix of those that are only locked.
const LOCK_SUFFIX: &str = ".lock";
const DAMAGED_PREFIX: &str = "catalogue.sqlite.damaged-";

/// The files of one repository's catalogue, and their directory.
#[derive(Clone, Debug)]
pub(crate) struct CatalogFiles {
    directory: PathBuf,
    database: PathBuf,
}

/// Device and inode of the file that has the catalogue's name.
pub(crate) type FileIdentity = (u64, u64);

impl CatalogFiles {
    /// Creates the directories (mode 700).
    pub(crate) fn prepare(cache_directory: &Path, repository: RepositoryId) -> Result<Self, CatalogError> {
        let directory = cache_directory.join(repository.to_string());
        let failed = |source| CatalogError::Directory { path: directory.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed)?;
        let permissions = fs::metadata(&directory).map_err(failed)?.permissions();
        if permissions.mode() & 0o077 != 0
            && let Err(error) = fs::set_permissions(&directory, Permissions::from_mode(0o700))
        {
            tracing::warn!(path = %directory.display(), %error, "other users can read the catalogue's directory");
        }
        let database = directory.join(DATABASE);
        Ok(Self { directory, database })
    }

    /// Returns the directory of this catalogue.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the path of the database.
    pub(crate) fn database(&self) -> &Path {
        &self.database
    }

    /// Waits until no other process opens, creates or replaces this catalogue; dropping the handle lets the
    /// next process continue.
    pub(crate) fn lock(&self) -> Result<File, CatalogError> {
        self.lock_file(LOCK)
    }

    /// Waits until no other process has locked this file of the directory, and locks it.
    pub(crate) fn lock_file(&self, name: &str) -> Result<File, CatalogError> {
        let path = self.directory.join(name);
        let open = || {
            let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
            file.lock()?;
            Ok(file)
        };
        open().map_err(|source| CatalogError::Directory { path: path.clone(), source })
    }

    /// Returns the identity of the database's file, or nothing if there is none.
    pub(crate) fn identity(&self) -> Result<Option<FileIdentity>, CatalogError> {
        match fs::metadata(&self.database) {
            Ok(metadata) if metadata.is_file() => Ok(Some((metadata.dev(), metadata.ino()))),
            Ok(_) => Err(CatalogError::NotAFile { path: self.database.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(CatalogError::Directory { path: self.database.clone(), source }),
        }
    }

    /// Makes the database readable for its owner only; SQLite gives its journal files the same mode.
    pub(crate) fn restrict(&self) -> Result<(), CatalogError> {
        fs::set_permissions(&self.database, Permissions::from_mode(0o600))
            .map_err(|source| CatalogError::Directory { path: self.database.clone(), source })
    }

    /// Removes the database. A process that still has it open continues to use the removed file without
    /// disturbing others.
    pub(crate) fn remove(&self) -> Result<(), CatalogError> {
        remove_file(&self.database)?;
        self.remove_journals()
    }

    /// Removes everything except the lock files, which other processes may be waiting for. Processes that
    /// have the catalogue open continue to use the removed files.
    pub(crate) fn clear(&self) -> Result<(), CatalogError> {
        let _lock = self.lock()?;
        let failed = |source| CatalogError::Directory { path: self.directory.clone(), source };
        for entry in fs::read_dir(&self.directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let is_ours = |name: &str| OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
            if name.to_str().is_some_and(|name| is_ours(name) && !name.ends_with(LOCK_SUFFIX)) {
                remove_file(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Moves the database aside and returns its new path. Only the newest of such databases is kept.
    pub(crate) fn move_aside(&self) -> Result<PathBuf, CatalogError> {
        let earlier = self.damaged_numbers()?;
        let number = earlier.iter().max().map_or(1, |newest| newest.saturating_add(1));
        let aside = self.directory.join(format!("{DAMAGED_PREFIX}{number}"));
        fs::rename(&self.database, &aside)
            .map_err(|source| CatalogError::Directory { path: self.database.clone(), source })?;
        self.remove_journals()?;
        for number in earlier {
            remove_file(&self.directory.join(format!("{DAMAGED_PREFIX}{number}")))?;
        }
        Ok(aside)
    }

    /// SQLite would apply the old log to the new database if they matched, so the log must be removed first.
    fn remove_journals(&self) -> Result<(), CatalogError> {
        for suffix in ["-wal", "-shm", "-journal"] {
            let mut path = OsString::from(&self.database);
            path.push(suffix);
            remove_file(Path::new(&path))?;
        }
        Ok(())
    }

    fn damaged_numbers(&self) -> Result<Vec<u64>, CatalogError> {
        let failed = |source| CatalogError::Directory { path: self.directory.clone(), source };
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let digits = name.to_str().and_then(|name| name.strip_prefix(DAMAGED_PREFIX));
            numbers.extend(digits.and_then(|digits| digits.parse::<u64>().ok()));
        }
        Ok(numbers)
    }
}

fn remove_file(path: &Path) -> Result<(), CatalogError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(CatalogError::Directory { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
