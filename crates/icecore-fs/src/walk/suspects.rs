//! Directories in which names vanished while the source was read: were they moved or removed themselves?

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::directory::Directory;

/// So many directories are remembered before they are looked at.
const SUSPECTS_MAX: usize = 4096;
/// So many directories are named; further ones are like them.
const GONE_MAX: usize = 4096;

/// Collects directories in which names vanished, and finds out which of them were moved or removed as a
/// whole.
///
/// They are looked at as late as possible: whoever removes a directory removes its content first.
#[derive(Debug, Default)]
pub struct Suspects {
    directories: Vec<Arc<Directory>>,
    gone: BTreeSet<Vec<u8>>,
}

impl Suspects {
    /// Remembers a directory in which a name vanished.
    pub fn add(&mut self, directory: &Arc<Directory>) {
        // Names of one directory vanish one after the other.
        if self.directories.last().is_some_and(|last| Arc::ptr_eq(last, directory)) {
            return;
        }
        if self.directories.len() >= SUSPECTS_MAX {
            self.look();
        }
        self.directories.push(Arc::clone(directory));
    }

    /// Returns the paths of the directories that were moved or removed, the topmost ones only, sorted; at
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
