//! Damage of some entries: what cannot be restored.

use std::sync::Arc;

use crate::report::EXAMPLES_MAX;

/// Damage of everything below a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Damage {
    /// Number of files.
    pub(crate) files: u64,
    /// Paths of the first of them.
    pub(crate) examples: Vec<Arc<[u8]>>,
    /// Numbers of the damaged packs that cause it; sorted, and only the first ones.
    pub(crate) packs: Vec<u32>,
    /// Whether anything else is wrong, so that the snapshot differs from what was backed up.
    pub(crate) is_broken: bool,
}

impl Damage {
    /// Returns whether nothing is damaged.
    pub(crate) fn is_none(&self) -> bool {
        self.files == 0 && !self.is_broken
    }

    /// Adds a damaged file.
    pub(crate) fn add_file(&mut self, path: Arc<[u8]>) {
        self.files = self.files.saturating_add(1);
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(path);
        }
    }

    /// Adds damaged packs.
    pub(crate) fn add_packs(&mut self, packs: &[u32]) {
        for pack in packs {
            if let Err(place) = self.packs.binary_search(pack)
                && place < EXAMPLES_MAX
            {
                self.packs.insert(place, *pack);
                self.packs.truncate(EXAMPLES_MAX);
            }
        }
    }

    /// Adds the damage below another node, which follows in the order of paths.
    pub(crate) fn add(&mut self, other: &Self) {
        self.files = self.files.saturating_add(other.files);
        let room = EXAMPLES_MAX.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.iter().take(room).cloned());
        self.add_packs(&other.packs);
        self.is_broken |= other.is_broken;
    }
}
