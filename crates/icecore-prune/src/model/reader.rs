//! A restore.

use super::{
    set::Set,
    store::{Snapshot, Store},
};

/// The next step of a reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum At {
    #[default]
    ReadSnapshot,
    ListDirectories,
    ReadPacks,
    Done,
    /// Chunks are in none of the packs that the reader knows of. It says whether the snapshot is still
    /// complete.
    Missed {
        is_complete: bool,
    },
}

/// The state of a reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Reader {
    pub(super) at: At,
    listed: Set,
    listings: u8,
}

impl Reader {
    pub(super) fn step(&mut self, snapshot: u8, store: &Store) -> bool {
        match self.at {
            At::ReadSnapshot if store.snapshot(snapshot) == Snapshot::Complete => {
                self.at = At::ListDirectories;
            }
            At::ListDirectories => {
                self.listed = store.with_directory();
                self.listings += 1;
                self.at = At::ReadPacks;
            }
            At::ReadPacks => {
                let found = store.chunks(self.listed & store.packs);
                self.at = if store.refers(snapshot).is_within(found) {
                    At::Done
                } else if self.listings < 2 {
                    At::ListDirectories
                } else {
                    At::Missed { is_complete: store.snapshot(snapshot) == Snapshot::Complete }
                };
            }
            At::ReadSnapshot | At::Done | At::Missed { .. } => return false,
        }
        true
    }
}
