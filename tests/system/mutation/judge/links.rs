//! Decides whether names that were restored as one file may be one file.

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, history::Candidate, listing::Entry};
use crate::mutation::state::ObjectId;

/// Returns the faults of groups of links.
pub(super) fn faults(case: &Case, candidates: &BTreeMap<String, Vec<Candidate>>) -> Vec<String> {
    let mut groups: BTreeMap<&[u8], Vec<&Entry>> = BTreeMap::new();
    for (path, object) in &case.tree {
        let path = String::from_utf8_lossy(path);
        if let Some(entry) = case.listing.entries.get(path.as_ref()) {
            groups.entry(&object.first_link).or_default().push(entry);
        }
    }
    let groups = groups.into_values().filter(|group| group.len() > 1);
    groups.flat_map(|group| group_faults(case, &group, candidates)).collect()
}

fn group_faults(case: &Case, group: &[&Entry], candidates: &BTreeMap<String, Vec<Candidate>>) -> Vec<String> {
    let mut faults = Vec::new();
    let paths: Vec<&str> = group.iter().map(|entry| entry.path.as_str()).collect();
    let differ = |is_other: &dyn Fn(&Entry) -> bool| group.iter().any(|entry| is_other(entry));
    let first = group[0];
    if differ(&|entry| !entry.is_linked || entry.inode != first.inode) {
        faults.push(format!("{paths:?} were restored as one file, but are not listed as links of one inode"));
    }
    if differ(&|entry| (entry.size, entry.modified, entry.mode) != (first.size, first.modified, first.mode)) {
        faults.push(format!("{paths:?} are one file, but are listed with several lengths, times or modes"));
    }
    let objects_of = |entry: &&Entry| -> BTreeSet<ObjectId> {
        let objects = candidates[&entry.path].iter().map(|one| one.object);
        objects.filter(|object| case.history.objects[object].nature.word() == entry.kind).collect()
    };
    let sets: Vec<BTreeSet<ObjectId>> = group.iter().map(objects_of).collect();
    let common = sets.iter().skip(1).fold(sets[0].clone(), |common, set| &common & set);
    if common.is_empty() {
        faults.push(format!("{paths:?} are one file, but may only be the objects {sets:?}"));
    }
    faults
}
