//! Decides whether the tree allowed a snapshot, using only the description in [`super`].
//!
//! Shares neither the state nor the reading of contents with the code that makes the changes: [`history`] is
//! built from the journal's records alone, and [`bytes`] has its own definition of file contents.

mod bytes;
mod entries;
mod files;
mod history;
mod links;
mod listing;
mod steady;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::{
    history::{Candidate, History, Past, Window},
    listing::{Entry, Listing},
};
use super::{
    journal::{Journal, Record},
    runner::Taken,
};
use crate::harness::{Tree, read};

/// Returns the properties of the last snapshot that the journal does not allow; the others are earlier ones.
pub(super) fn judge(journal: &Journal, snapshots: &[Taken]) -> Vec<String> {
    let (taken, earlier) = snapshots.split_last().unwrap();
    let (history, window) = (History::new(journal), Window::new(journal, taken));
    let (listing, mut faults) = Listing::new(&taken.listing);
    let tree = read(&taken.restored);
    let case = Case { records: &journal.records, history, window, taken, earlier, listing, tree };
    faults.extend(case.code_faults());
    faults.extend(case.listing.differences_from(&case.tree));
    let candidates = case.candidates();
    for (path, entry) in &case.listing.entries {
        faults.extend(entries::faults(&case, entry, &candidates[path]));
    }
    faults.extend(links::faults(&case, &candidates));
    faults.extend(steady::faults(&case));
    faults
}

/// Everything that is known about a snapshot.
struct Case<'a> {
    records: &'a [Record],
    history: History,
    window: Window,
    taken: &'a Taken,
    /// Snapshots before this one, oldest first.
    earlier: &'a [Taken],
    listing: Listing,
    /// Its restored tree.
    tree: Tree,
}

impl Case<'_> {
    /// Returns what each path of the listing may name.
    fn candidates(&self) -> BTreeMap<String, Vec<Candidate>> {
        let mut candidates = BTreeMap::from([(String::new(), History::root())]);
        for path in self.listing.entries.keys() {
            self.add_candidates(path, &mut candidates);
        }
        candidates
    }

    fn add_candidates(&self, path: &str, candidates: &mut BTreeMap<String, Vec<Candidate>>) {
        if candidates.contains_key(path) {
            return;
        }
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.add_candidates(above, candidates);
        let found = self.history.candidates_below(&candidates[above], name, &self.window);
        candidates.insert(path.to_owned(), found);
    }

    fn code_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let marked = self.listing.entries.values().find(|entry| !entry.marks.is_empty());
        match (self.taken.code, marked) {
            (0, Some(Entry { path, marks, .. })) => {
                faults.push(format!("exit code 0, though {path:?} is marked as {marks:?}"));
            }
            (3, _) if self.window.records().is_empty() => {
                faults.push("exit code 3, though nothing changed during the backup".to_owned());
            }
            (0 | 3, _) => {}
            (code, _) => faults.push(format!("exit code {code}")),
        }
        faults
    }

    /// Returns whether `holds` was true for the object in some state during the backup.
    fn existed(&self, past: &Past, holds: impl FnMut(usize) -> bool) -> bool {
        self.window.states_of(past).any(holds)
    }

    /// Returns the records about an object that overlap the backup.
    fn records_about<'a>(&'a self, past: &'a Past) -> impl Iterator<Item = (usize, &'a Record)> {
        let during = self.window.records();
        let indices = past.records.iter().filter(move |index| during.contains(index));
        indices.map(|index| (*index, &self.records[*index]))
    }
}
