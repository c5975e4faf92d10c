//! Directories in which names vanished while the source was read: finds out whether the directories
//! themselves were moved or removed.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::directory::Directory;

/// Most directories that are remembered before they are checked.
const SUSPECTS_MAX: usize = 4096;
/// Most directories that are reported; further ones are similar.
const GONE_MAX: usize = 4096;

/// Collects directories in which names vanished, and finds out which of them were moved or removed as a
/// whole.
///
/// They are checked as late as possible: the content of a directory is removed before the directory itself.
#[derive(Debug, Default)]
pub struct Suspects {
    directories: Vec<Arc<Directory>>,
    gone: BTreeSet<Vec<u8>>,
}

impl Suspects {
    /// Adds a directory in which a name vanished.
    pub fn add(&mut self, directory: &Arc<Directory>) {
        // The names of a directory vanish one after the other.
        if self.directories.last().is_some_and(|last| Arc::ptr_eq(last, directory)) {
            return;
        }
        if self.directories.len() >= SUSPECTS_MAX {
            self.look();
        }
        self.directories.push(Arc::clone(directory));
    }

    /// Returns the paths of the directories that were moved or removed, only the topmost ones, sorted; at
    /// most 4,096.
    pub fn gone(mut self) -> BTreeSet<Vec<u8>> {
        self.look();
        self.gone
    }

    fn look(&mut self) {
        for directory in self.directories.drain(..) {
            if let Some(path) = directory.gone_ancestor()
                && self.gone.len() < GONE_MAX
            {
                self.gone.insert(path);
            }
        }
    }
}
