//! Decides whether a snapshot has everything that existed during the whole backup.

use std::collections::BTreeMap;

use super::{
    Case,
    history::{Nature, Past},
};
use crate::mutation::{journal::Effect, state::ObjectId};

/// Returns steady objects that are missing or marked.
pub(super) fn faults(case: &Case) -> Vec<String> {
    let (mut faults, mut paths_of) = (Vec::new(), BTreeMap::<ObjectId, Vec<String>>::new());
    let mut directories = vec![(0, String::new())];
    while let Some((directory, above)) = directories.pop() {
        for (name, stays) in case.history.names.get(&directory).into_iter().flatten() {
            let Some(stay) = stays.iter().find(|stay| case.window.is_within(&stay.states)) else { continue };
            let path = if above.is_empty() { name.clone() } else { format!("{above}/{name}") };
            let past = &case.history.objects[&stay.object];
            faults.extend(fault(case, &path, past));
            if past.nature == Nature::Directory {
                directories.push((stay.object, path));
            } else {
                paths_of.entry(stay.object).or_default().push(path);
            }
        }
    }
    for (object, paths) in paths_of {
        faults.extend(link_fault(case, &case.history.objects[&object], &paths));
    }
    faults
}

fn fault(case: &Case, path: &str, past: &Past) -> Option<String> {
    let what = format!("{} (object {})", past.nature.word(), past.object);
    let Some(entry) = case.listing.entries.get(path) else {
        return Some(format!("{path:?} is missing, a {what} that was there all the time"));
    };
    let is_changed = past.nature != Nature::Directory && case.records_about(past).next().is_some();
    if entry.marks.is_empty() || is_changed {
        return None;
    }
    Some(format!("{path:?} is marked as {:?}, but it is a {what} that was there all the time", entry.marks))
}

/// Returns whether steady names are not restored as links of one file, although the object's names stayed.
fn link_fault(case: &Case, past: &Past, paths: &[String]) -> Option<String> {
    let mut about = case.records_about(past);
    let is_renamed = about.any(|(_, record)| {
        let effect = &record.effect;
        !matches!(
            effect,
            Effect::Written { .. }
                | Effect::TimeSet { .. }
                | Effect::ModeSet { .. }
                | Effect::AttributeSet { .. }
        )
    });
    if is_renamed || paths.len() < 2 {
        return None;
    }
    // Missing objects have already been reported.
    let restored = paths.iter().filter_map(|path| case.tree.get(path.as_bytes()));
    let firsts: Vec<&[u8]> = restored.map(|object| object.first_link.as_slice()).collect();
    let listed = paths.iter().filter_map(|path| case.listing.entries.get(path));
    let inodes: Vec<(bool, u64)> = listed.map(|entry| (entry.is_linked, entry.inode)).collect();
    let is_one = firsts.windows(2).all(|pair| pair[0] == pair[1])
        && inodes.windows(2).all(|pair| pair[0] == pair[1])
        && (inodes.len() < 2 || inodes[0].0);
    let is_changed = case.records_about(past).next().is_some();
    // Names that were examined in two states of the object are separate files, which the backup has reported.
    if is_changed && case.taken.code == 3 {
        return None;
    }
    let when =
        if is_changed { "its content or properties changed, its names did not" } else { "it did not change" };
    let text = || format!("{paths:?} are one file (object {}), but not one group: {when}", past.object);
    (!is_one).then(text)
}
