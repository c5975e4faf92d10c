//! Decides whether the path of an entry may name its object.

use super::{
    Case, files,
    history::{Candidate, Nature, Past},
    listing::{ATTRIBUTES_INCOMPLETE, CHANGED, Entry, NAME_ONLY, UNREADABLE},
};

/// Returns the faults of an entry whose path may name one of these objects.
pub(super) fn faults(case: &Case, entry: &Entry, candidates: &[Candidate]) -> Vec<String> {
    if entry.path.is_empty() {
        return Vec::new();
    }
    if candidates.is_empty() {
        return vec![format!("{:?} is a {}, but nothing was ever there", entry.path, entry.kind)];
    }
    let mut faults = mark_faults(case, entry, candidates);
    if entry.is_marked(NAME_ONLY) {
        return faults;
    }
    let pasts: Vec<&Past> = candidates.iter().map(|one| &case.history.objects[&one.object]).collect();
    let same_kind: Vec<&Past> =
        pasts.iter().copied().filter(|past| past.nature.word() == entry.kind).collect();
    if same_kind.is_empty() {
        let kinds: Vec<String> = pasts.iter().map(|past| shown(past)).collect();
        faults.push(format!("{:?} is a {}, but was only {kinds:?}", entry.path, entry.kind));
    } else if entry.kind == "file" && entry.has_content() {
        faults.extend(files::fault(case, entry, &same_kind));
    } else {
        faults.extend(property_fault(case, entry, &same_kind));
    }
    faults
}

fn shown(past: &Past) -> String {
    format!("{} (object {})", past.nature.word(), past.object)
}

/// Returns how an entry whose content is not judged differs from all its possible states.
fn property_fault(case: &Case, entry: &Entry, pasts: &[&Past]) -> Option<String> {
    let path = &entry.path;
    let has_target = |past: &&&Past| match &past.nature {
        Nature::Symlink(target) => Some(target) == entry.target.as_ref(),
        _ => true,
    };
    let fitting: Vec<&Past> = pasts.iter().filter(has_target).copied().collect();
    if fitting.is_empty() {
        let targets: Vec<&Nature> = pasts.iter().map(|past| &past.nature).collect();
        return Some(format!("{path:?} has the target {:?}, but only had {targets:?}", entry.target));
    }
    let has_mode = |past: &&Past| case.existed(past, |state| *past.modes.at(state) == entry.mode);
    let fitting: Vec<&Past> = fitting.into_iter().filter(has_mode).collect();
    if fitting.is_empty() {
        return Some(format!("{path:?} has the mode {:04o}, which nothing there had", entry.mode));
    }
    attribute_fault(case, entry, &fitting)
}

/// Returns the fault of restored attributes that none of the objects ever had.
pub(super) fn attribute_fault(case: &Case, entry: &Entry, pasts: &[&Past]) -> Option<String> {
    if entry.is_marked(ATTRIBUTES_INCOMPLETE) {
        return None;
    }
    let found = &case.tree.get(entry.path.as_bytes())?.attributes;
    let had = |past: &&Past| case.existed(past, |state| past.attributes.at(state) == found);
    let text = || {
        let shown = found.iter().map(|(name, value)| {
            format!("{}={}", String::from_utf8_lossy(name), String::from_utf8_lossy(value))
        });
        let shown: Vec<String> = shown.collect();
        let objects: Vec<String> = pasts.iter().map(|past| shown_attributes(case, past)).collect();
        format!("{:?} has the attributes {shown:?}, but only had {objects:?}", entry.path)
    };
    (!pasts.iter().copied().any(|past| had(&past))).then(text)
}

fn shown_attributes(case: &Case, past: &Past) -> String {
    let mut texts: Vec<String> = Vec::new();
    for state in case.window.states_of(past) {
        let pairs = past.attributes.at(state).iter();
        let text = pairs.map(|(name, value)| {
            format!("{}={}", String::from_utf8_lossy(name), String::from_utf8_lossy(value))
        });
        let text = text.collect::<Vec<_>>().join(" ");
        if texts.last() != Some(&text) {
            texts.push(text);
        }
    }
    texts.join("; ")
}

/// Returns the marks without a reason in the journal.
fn mark_faults(case: &Case, entry: &Entry, candidates: &[Candidate]) -> Vec<String> {
    let has_record = |nature: &Nature| {
        let pasts = candidates.iter().map(|one| &case.history.objects[&one.object]);
        pasts.filter(|past| past.nature == *nature).any(|past| case.records_about(past).next().is_some())
    };
    let has_moved = || {
        let mut moved = candidates.iter().filter(|one| one.has_moved);
        moved.any(|one| case.history.objects[&one.object].nature.word() == entry.kind)
    };
    let is_explained = |mark: &str| match (mark, entry.kind.as_str()) {
        // Only the names of these are known; `steady` finds those without a reason.
        (NAME_ONLY, _) => true,
        (UNREADABLE, _) if entry.is_marked(NAME_ONLY) => true,
        (CHANGED | UNREADABLE, "file") => has_record(&Nature::File),
        (UNREADABLE, "directory") | (ATTRIBUTES_INCOMPLETE, _) => has_moved(),
        _ => false,
    };
    let marks = entry.marks.iter().filter(|mark| !is_explained(mark));
    let text = |mark| format!("{:?}, a {}, is marked as {mark}, for no reason", entry.path, entry.kind);
    marks.map(text).collect()
}
