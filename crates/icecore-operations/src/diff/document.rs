//! A difference as JSON: a section of `docs/json.md`.

use icecore_format::entry::Entry;
use icecore_repo::manifest::Change;
use serde::Serialize;

use super::{Difference, run::path_of};
use crate::{documents::PathText, entries::EntryDocument};

/// An entry that differs.
#[derive(Debug, Serialize)]
pub struct ChangeDocument {
    change: &'static str,
    what: Option<&'static str>,
    #[serde(flatten)]
    path: PathText,
    old: Option<EntryDocument>,
    new: Option<EntryDocument>,
}

impl ChangeDocument {
    /// Makes the document of a change; `what` is the difference of a modified entry.
    pub fn new(change: &Change, what: Option<Difference>) -> Self {
        let document = |entry: &Entry| EntryDocument::new(entry, (None, None));
        let (name, old, new) = match change {
            Change::Added(entry) => ("added", None, Some(document(entry))),
            Change::Removed(entry) => ("deleted", Some(document(entry)), None),
            Change::Modified { old, new } => ("modified", Some(document(old)), Some(document(new))),
        };
        let path = PathText::new(path_of(change));
        Self { change: name, what: what.map(Difference::name), path, old, new }
    }
}
