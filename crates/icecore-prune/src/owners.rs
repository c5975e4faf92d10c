//! Who needs something: a tree of owners.

use std::ops::AddAssign;

/// An owner of an [`OwnerTree`], such as a snapshot or all snapshots of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner(u32);

impl Owner {
    /// Nobody: owns what no snapshot needs.
    pub const NOBODY: Self = Self(0);
    /// Everybody: the root of the tree.
    pub const EVERYBODY: Self = Self(1);

    /// Returns the position of the owner in a list with one item for each owner.
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// Returns the number of the owner.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// Returns the owner with a number that [`Owner::number`] returned.
    pub(crate) fn from_number(number: u32) -> Self {
        Self(number)
    }
}

/// A tree of owners. What several owners need belongs to the lowest owner above all of them: a chunk that two
/// snapshots of one source need belongs to the source.
///
/// So one owner for each chunk is enough to know how much each snapshot, source and host needs alone.
#[derive(Clone, Debug)]
pub struct OwnerTree {
    /// The parent of each owner, which has a smaller number.
    parents: Vec<u32>,
}

impl Default for OwnerTree {
    /// Returns a tree with the root only.
    fn default() -> Self {
        let (nobody, everybody) = (Owner::NOBODY.0, Owner::EVERYBODY.0);
        Self { parents: vec![nobody, everybody] }
    }
}

impl OwnerTree {
    /// Adds an owner below another one.
    pub fn add(&mut self, parent: Owner) -> Owner {
        let owner = Owner(self.parents.len() as u32);
        self.parents.push(parent.0);
        owner
    }

    /// Returns the number of owners, with nobody and everybody.
    pub fn count(&self) -> usize {
        self.parents.len()
    }

    /// Returns the owner of what both need.
    pub fn join(&self, left: Owner, right: Owner) -> Owner {
        let (mut left, mut right) = (left.0, right.0);
        if left == Owner::NOBODY.0 || right == Owner::NOBODY.0 {
            return Owner(left.max(right));
        }
        while left != right {
            // Parents have smaller numbers.
            let lower = if left > right { &mut left } else { &mut right };
            *lower = self.parents[*lower as usize];
        }
        Owner(left)
    }

    /// Adds to the sums of each owner those of all owners below it.
    pub fn add_upwards<T: AddAssign + Copy>(&self, sums: &mut [T]) {
        for number in (Owner::EVERYBODY.index() + 1..self.parents.len()).rev() {
            let sum = sums[number];
            sums[self.parents[number] as usize] += sum;
        }
    }
}

#[cfg(test)]
mod tests;
