//! Finds the repository around a directory: repositories must not be inside each other.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use icecore_format::{header::HEADER_MAGIC, layout::HEADER_KEY};

use crate::error::{AccessError, AccessResult};

/// Refuses a directory somewhere below the directory of a repository.
pub(crate) fn refuse_enclosing_directory(path: &Path) -> AccessResult<()> {
    let Some(outer) = directories_around(path).into_iter().find(|directory| is_repository(directory)) else {
        return Ok(());
    };
    Err(AccessError::InsideRepository {
        location: path.display().to_string(),
        outer: outer.display().to_string(),
    })
}

/// Returns the directories above a path that may not exist, nearest first.
fn directories_around(path: &Path) -> Vec<PathBuf> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for (distance, ancestor) in absolute.ancestors().enumerate() {
        if let Ok(real) = ancestor.canonicalize() {
            // The path is not above itself.
            return real.ancestors().skip(usize::from(distance == 0)).map(Path::to_owned).collect();
        }
    }
    Vec::new()
}

fn is_repository(directory: &Path) -> bool {
    let mut beginning = [0; HEADER_MAGIC.len()];
    let read = File::open(directory.join(HEADER_KEY)).and_then(|mut file| file.read_exact(&mut beginning));
    read.is_ok() && beginning == HEADER_MAGIC
}

#[cfg(test)]
mod tests;
