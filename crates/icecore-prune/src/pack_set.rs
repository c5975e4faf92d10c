//! Sets of packs.

use std::sync::Arc;

/// A set of numbers of one [`PackTable`](crate::packs::PackTable); clones share their memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackSet {
    /// Sorted, each number once.
    numbers: Arc<[u32]>,
}

impl PackSet {
    /// Says whether a pack is in the set.
    pub fn contains(&self, number: u32) -> bool {
        self.numbers.binary_search(&number).is_ok()
    }

    /// Returns how many packs are in the set.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Says whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Returns the numbers in rising order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u32> {
        self.numbers.iter().copied()
    }

    /// Returns the packs of the set that `keep` says yes to.
    #[must_use]
    pub fn filtered(&self, mut keep: impl FnMut(u32) -> bool) -> Self {
        self.iter().filter(|number| keep(*number)).collect()
    }

    /// Returns all packs that are in any of the sets.
    pub fn union<'a>(sets: impl IntoIterator<Item = &'a Self>) -> Self {
        sets.into_iter().flat_map(Self::iter).collect()
    }
}

impl FromIterator<u32> for PackSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut numbers: Vec<u32> = numbers.into_iter().collect();
        numbers.sort_unstable();
        numbers.dedup();
        Self { numbers: numbers.into() }
    }
}

#[cfg(test)]
mod tests;
