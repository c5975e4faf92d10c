//! The order of snapshots.

use std::collections::HashMap;

use icecore_format::{ids::RunId, snapshot::Snapshot};

/// Sorts snapshots by run; then sorts those of each source, among the positions that they have, into the
/// order in which they were made.
pub(super) fn arrange(snapshots: &mut Vec<Snapshot>) {
    snapshots.sort_by_key(|snapshot| snapshot.origin.run);
    if is_in_order(snapshots) {
        return;
    }
    let mut sources: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, snapshot) in snapshots.iter().enumerate() {
        sources.entry(&snapshot.origin.source).or_default().push(index);
    }
    let mut from: Vec<usize> = (0..snapshots.len()).collect();
    for places in sources.into_values() {
        let mut members = places.clone();
        members.sort_by_key(|index| snapshots[*index].origin.place());
        for (place, member) in places.into_iter().zip(members) {
            from[place] = member;
        }
    }
    let mut taken: Vec<Option<Snapshot>> = std::mem::take(snapshots).into_iter().map(Some).collect();
    snapshots.extend(from.into_iter().filter_map(|index| taken[index].take()));
}

fn is_in_order(snapshots: &[Snapshot]) -> bool {
    let mut last: HashMap<&str, (u64, RunId)> = HashMap::new();
    snapshots.iter().all(|snapshot| {
        let place = snapshot.origin.place();
        last.insert(&snapshot.origin.source, place).is_none_or(|last| last <= place)
    })
}
