//! Which snapshots the destination already has, and what a new copy is based on.

use std::collections::{HashMap, HashSet};

use icecore_format::{
    ids::{GroupId, RepositoryId, RunId},
    snapshot::{DedupScope, Level, Snapshot, SnapshotIdentity, SnapshotState},
};
use icecore_repo::snapshots::SnapshotList;

/// The complete snapshots of the destination, by the identity that they share with their copies, and the
/// identities of those that were forgotten there.
#[derive(Debug, Default)]
pub struct TargetSnapshots {
    repository: Option<RepositoryId>,
    by_identity: HashMap<SnapshotIdentity, Snapshot>,
    forgotten: HashSet<SnapshotIdentity>,
}

impl TargetSnapshots {
    /// Takes the snapshots of `repository`.
    pub fn new(repository: RepositoryId, list: &SnapshotList) -> Self {
        let forgotten = list.snapshots.iter().filter(|one| matches!(one.state, SnapshotState::Deleted(_)));
        let forgotten = forgotten.map(|one| one.origin.identity(repository)).collect();
        let mut found = Self { repository: Some(repository), by_identity: HashMap::new(), forgotten };
        list.complete(None).for_each(|snapshot| found.add(snapshot.clone()));
        found
    }

    /// Returns the snapshot or its copy, if the destination has it.
    pub fn find(&self, identity: SnapshotIdentity) -> Option<&Snapshot> {
        self.by_identity.get(&identity)
    }

    /// Returns whether the destination forgot the snapshot or its copy, and has no other copy of it.
    pub fn is_forgotten(&self, identity: SnapshotIdentity) -> bool {
        self.forgotten.contains(&identity) && !self.by_identity.contains_key(&identity)
    }

    /// Adds a snapshot that has just been copied.
    pub fn add(&mut self, snapshot: Snapshot) {
        if let Some(repository) = self.repository {
            self.by_identity.insert(snapshot.origin.identity(repository), snapshot);
        }
    }
}

/// Basis of a copy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CopyPlan {
    /// Group of the destination to write into; none for a new one.
    pub group: Option<GroupId>,
    /// Snapshot of the destination that corresponds to the base of the copied snapshot.
    pub base: Option<RunId>,
    /// A snapshot that is probably similar, and its copy: the parts that they share do not have to be read.
    pub similar: Option<(Snapshot, Snapshot)>,
}

/// Plans the copy of `snapshot`; `list` has all snapshots of `repository`, including this one.
pub fn plan_copy(
    repository: RepositoryId,
    list: &SnapshotList,
    targets: &TargetSnapshots,
    snapshot: &Snapshot,
) -> CopyPlan {
    let origin = &snapshot.origin;
    let copy_of = |other: &Snapshot| targets.find(other.origin.identity(repository));
    let with_copy = |other: &Snapshot| Some((other.clone(), copy_of(other)?.clone()));
    let base = origin.base.and_then(|base| list.by_run(base)).and_then(with_copy);
    CopyPlan {
        group: group_of(list, snapshot, copy_of),
        base: base.as_ref().map(|(_, copy)| copy.origin.run),
        similar: base.or_else(|| similar(list, snapshot).find_map(with_copy)),
    }
}

/// Returns the group that corresponds to the group of `snapshot`: the group of a copy of another snapshot in
/// it.
fn group_of<'a>(
    list: &SnapshotList,
    snapshot: &Snapshot,
    copy_of: impl Fn(&Snapshot) -> Option<&'a Snapshot>,
) -> Option<GroupId> {
    let origin = &snapshot.origin;
    if origin.level == Level::Full {
        return None;
    }
    let same_group = |other: &&Snapshot| {
        other.origin.group == origin.group
            // A snapshot that is limited to its group cannot be mixed with one that is not.
            && (other.origin.dedup == origin.dedup || origin.dedup == DedupScope::Repository)
    };
    let copies = list.complete(None).filter(same_group).filter_map(copy_of);
    copies.map(|copy| copy.origin.group).next()
}

/// Returns snapshots of the same source, first the nearest earlier ones, then later ones.
fn similar<'a>(list: &'a SnapshotList, snapshot: &'a Snapshot) -> impl Iterator<Item = &'a Snapshot> {
    let origin = &snapshot.origin;
    let of_source = move || {
        list.complete(Some(&origin.source)).filter(move |other| {
            other.origin.host == origin.host
                && (origin.dedup == DedupScope::Repository || other.origin.group == origin.group)
        })
    };
    let earlier = of_source().rev().filter(move |other| other.origin.place() < origin.place());
    let later = of_source().filter(move |other| other.origin.place() > origin.place());
    earlier.chain(later)
}

#[cfg(test)]
mod tests;
