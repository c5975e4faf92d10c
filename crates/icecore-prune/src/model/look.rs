//! What writers and undo know of the records.

use super::{config::Config, rules::Rule, set::Set, store::Store};

/// The records as somebody has read them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Look {
    /// Numbers of the records that were listed.
    names: Set,
    /// Packs in records.
    pub(super) condemned: Set,
    /// Packs in records in state sweeping.
    pub(super) sweeping: Set,
    /// Packs of dead runs that are not usable.
    pub(super) unusable: Set,
}

impl Look {
    pub(super) fn list(store: &Store) -> Self {
        Self { names: store.numbers(), ..Self::default() }
    }

    /// Returns the numbers of the records that were listed.
    pub(super) fn numbers(self) -> Set {
        self.names
    }

    /// Reads the listed records. Returns false if one of them is gone, so that they have to be listed again.
    pub(super) fn read(&mut self, config: &Config, store: &Store) -> bool {
        if config.follows(Rule::VanishedRecord) && !self.names.is_within(store.numbers()) {
            return false;
        }
        let (mut condemned, mut sweeping, mut unusable) = (Set::EMPTY, Set::EMPTY, Set::EMPTY);
        for record in self.names.iter().filter_map(|number| store.record(number)) {
            condemned |= record.packs;
            if record.sweeping {
                sweeping |= record.packs;
            }
            // Later records are newer: what the newest one says of a run counts.
            unusable = (unusable - record.dead) | (record.dead - record.usable);
        }
        (self.condemned, self.sweeping, self.unusable) = (condemned, sweeping, unusable);
        true
    }

    /// Returns the packs that count as absent.
    pub(super) fn absent(self, config: &Config) -> Set {
        let condemned = if config.follows(Rule::CondemnedIsAbsent) { self.condemned } else { Set::EMPTY };
        let unusable = if config.follows(Rule::DeadRunIsAbsent) { self.unusable } else { Set::EMPTY };
        condemned | unusable
    }
}
