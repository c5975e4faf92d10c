//! Limits the size of the cache directory: removes catalogues of repositories that have not been used for a
//! long time.

use std::{
    fs, io,
    path::Path,
    time::{Duration, SystemTime},
};

use icecore_format::ids::RepositoryId;

use crate::{error::CatalogError, files::CatalogFiles};

/// A catalogue that was used more recently than this may be in use.
const UNUSED_MIN: Duration = Duration::from_hours(24);

/// Removed catalogues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemovedCatalogues {
    /// Number of catalogues.
    pub catalogues: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Size of the catalogue of a repository, and when it was last used.
struct Usage {
    repository: RepositoryId,
    bytes: u64,
    used: SystemTime,
}

/// Removes catalogues below the cache directory, the least recently used ones first, until all together have
/// at most `bytes_max` bytes. Keeps those that were used within a day before `now`, by the clock of the file
/// system, and that of the repository `keep`, regardless of size.
pub fn remove_unused(
    cache_directory: &Path,
    keep: RepositoryId,
    bytes_max: u64,
    now: SystemTime,
) -> Result<RemovedCatalogues, CatalogError> {
    let failed = |source| CatalogError::Directory { path: cache_directory.to_owned(), source };
    let mut all = Vec::new();
    for entry in fs::read_dir(cache_directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Some(repository) = entry.file_name().to_str().and_then(|name| RepositoryId::from_hex(name).ok())
        else {
            continue;
        };
        match look(&entry.path()) {
            Ok((bytes, used)) => all.push(Usage { repository, bytes, used }),
            // Another process may be removing it, or it is not a directory.
            Err(error) => tracing::debug!(path = %entry.path().display(), %error, "skipped"),
        }
    }
    all.sort_by_key(|usage| usage.used);
    let mut bytes: u64 = all.iter().map(|usage| usage.bytes).sum();
    let mut removed = RemovedCatalogues::default();
    for usage in all {
        let is_unused = now.duration_since(usage.used).is_ok_and(|unused| unused >= UNUSED_MIN);
        if bytes <= bytes_max || !is_unused {
            break;
        }
        if usage.repository != keep && usage.bytes > 0 {
            CatalogFiles::prepare(cache_directory, usage.repository)?.clear()?;
            bytes -= usage.bytes;
            removed.catalogues += 1;
            removed.bytes += usage.bytes;
        }
    }
    Ok(removed)
}

/// Returns the total size of the files in a directory, and when it was last used: SQLite creates and removes
/// files in it whenever it opens the catalogue.
fn look(directory: &Path) -> io::Result<(u64, SystemTime)> {
    let (mut bytes, mut used) = (0, fs::metadata(directory)?.modified()?);
    for entry in fs::read_dir(directory)? {
        let metadata = entry?.metadata()?;
        bytes += metadata.len();
        used = used.max(metadata.modified()?);
    }
    Ok((bytes, used))
}

#[cfg(test)]
mod tests;
