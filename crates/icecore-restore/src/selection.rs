//! Selects entries of the snapshot, in path order.

use icecore_format::{
    entry::{Entry, EntryKind, Marks},
    node::Totals,
    path,
};
use icecore_fs::target::OwnerChoice;
use icecore_repo::{
    error::{RepoError, RepoResult},
    manifest::{Change, ManifestCursor, ManifestRoot, next_difference},
    reader::ChunkReader,
};

use crate::{
    candidate::Candidate,
    error::{RestoreError, RestoreResult},
    names::{join, name_of},
    owners::Owners,
    request::RestoreRequest,
};

/// An item of the selection.
#[derive(Debug)]
pub(crate) enum Selected {
    /// An entry to be restored.
    Entry(Candidate),
    /// An entry that the newer snapshot no longer has.
    Removed(Entry),
    /// A part of a manifest that cannot be read and is skipped.
    Gap(RepoError),
}

/// Streams the selection; paths are relative to the target.
pub(crate) struct Selection<'a> {
    entries: Entries<'a>,
    owners: &'a Owners,
    path: Vec<u8>,
    /// Name in the target of a single object.
    single: Option<Vec<u8>>,
    root: Option<Candidate>,
    /// Marks of the directories that contain the path.
    marks_above: Marks,
    is_positioned: bool,
    is_done: bool,
}

enum Entries<'a> {
    All(ManifestCursor<'a>),
    Changes { old: ManifestCursor<'a>, new: ManifestCursor<'a>, parents: ManifestCursor<'a> },
}

impl<'a> Selection<'a> {
    /// Finds the path of the request.
    pub fn open(
        reader: &'a ChunkReader,
        request: &RestoreRequest,
        owners: &'a Owners,
    ) -> RestoreResult<Self> {
        let root = root_of(&request.snapshot)?;
        let cursor = || ManifestCursor::new(reader, &root);
        let entries = match &request.since {
            None => Entries::All(cursor()),
            Some(since) => {
                let old = ManifestCursor::new(reader, &root_of(since)?);
                Entries::Changes { old, new: cursor(), parents: cursor() }
            }
        };
        let mut selection = Self {
            entries,
            owners,
            path: request.path.clone(),
            single: None,
            root: None,
            marks_above: Marks::default(),
            is_positioned: false,
            is_done: false,
        };
        selection.find_start(cursor(), request)?;
        if request.delete {
            selection.find_marks_above(cursor)?;
        }
        Ok(selection)
    }

    fn find_start(&mut self, mut cursor: ManifestCursor<'a>, request: &RestoreRequest) -> RestoreResult<()> {
        let found = match cursor.seek(&self.path).and_then(|()| cursor.next()) {
            // The stream reaches the same position, and reports the damage if there is nothing else.
            Err(error) if error.is_corruption() && self.path.is_empty() => return Ok(()),
            Err(error) => return Err(error.into()),
            Ok(found) => found.filter(|entry| path::is_within(&entry.path, &self.path)),
        };
        match found {
            Some(entry) if entry.path != self.path => {}
            Some(entry) if entry.kind == EntryKind::Directory => {
                self.root = Some(self.candidate(entry, &cursor));
            }
            Some(entry) => {
                self.single = Some(name_of(&entry.path).to_vec());
            }
            // An empty manifest is an empty root.
            None if self.path.is_empty() => {}
            None => {
                let run = request.snapshot.origin.run;
                return Err(RestoreError::PathNotFound { path: self.path.clone(), run });
            }
        }
        Ok(())
    }

    fn find_marks_above(&mut self, cursor: impl Fn() -> ManifestCursor<'a>) -> RestoreResult<()> {
        let mut above = path::parent(&self.path);
        while let Some(directory) = above {
            let marks = match cursor().find(directory) {
                Ok(found) => found.map(|entry| entry.marks).unwrap_or_default(),
                // An unreadable directory may have had any marks.
                Err(error) if error.is_corruption() => Marks::UNREADABLE,
                Err(error) => return Err(error.into()),
            };
            self.marks_above = self.marks_above.with(marks);
            above = path::parent(directory);
        }
        Ok(())
    }

    /// Returns the marks of the restored directory and of the directories that contain it.
    pub fn marks(&self) -> Marks {
        let root = self.root.as_ref().map(|root| root.entry.marks).unwrap_or_default();
        self.marks_above.with(root)
    }

    /// Returns the entry of the restored directory, if the manifest has it.
    pub fn root(&self) -> Option<&Candidate> {
        self.root.as_ref()
    }

    /// Returns the path of the restored object, if it is a single one.
    pub fn single(&self) -> Option<&[u8]> {
        self.single.as_deref()
    }

    /// Returns the next item.
    pub fn next(&mut self) -> RepoResult<Option<Selected>> {
        if self.is_done {
            return Ok(None);
        }
        match self.advance() {
            Err(error) if error.is_corruption() => Ok(Some(Selected::Gap(error))),
            Ok(None) => {
                self.is_done = true;
                Ok(None)
            }
            result => result,
        }
    }

    fn advance(&mut self) -> RepoResult<Option<Selected>> {
        if !self.is_positioned {
            match &mut self.entries {
                Entries::All(cursor) => cursor.seek(&self.path)?,
                Entries::Changes { old, new, .. } => {
                    old.seek(&self.path)?;
                    new.seek(&self.path)?;
                }
            }
            self.is_positioned = true;
        }
        let mut is_changed = false;
        let (entry, is_removed) = match &mut self.entries {
            Entries::All(cursor) => (cursor.next()?, false),
            Entries::Changes { old, new, .. } => match next_difference(old, new)? {
                None => (None, false),
                Some(Change::Removed(entry)) => (Some(entry), true),
                Some(Change::Added(entry)) => (Some(entry), false),
                Some(Change::Modified { old, new }) => {
                    is_changed = old.kind == new.kind && old.content != new.content;
                    (Some(*new), false)
                }
            },
        };
        let Some(mut entry) = entry.filter(|entry| path::is_within(&entry.path, &self.path)) else {
            return Ok(None);
        };
        if is_removed {
            entry.path = self.relative(&entry.path);
            return Ok(Some(Selected::Removed(entry)));
        }
        let candidate = match &self.entries {
            Entries::All(cursor) | Entries::Changes { new: cursor, .. } => self.candidate(entry, cursor),
        };
        Ok(Some(Selected::Entry(Candidate { is_changed, ..candidate })))
    }

    /// Returns the unchanged entry of a directory that contains a change; call it in path order.
    pub fn parent(&mut self, relative: &[u8]) -> RepoResult<Option<Candidate>> {
        let full = join(&self.path, relative);
        let Entries::Changes { parents, .. } = &mut self.entries else { return Ok(None) };
        parents.seek(&full)?;
        if parents.peek()?.is_none_or(|entry| entry.path != full) {
            return Ok(None);
        }
        let Some(entry) = parents.next()? else { return Ok(None) };
        let Entries::Changes { parents, .. } = &self.entries else { return Ok(None) };
        Ok(Some(self.candidate(entry, parents)))
    }

    /// Turns the entry that the cursor returned last into a candidate for the target.
    fn candidate(&self, mut entry: Entry, cursor: &ManifestCursor<'_>) -> Candidate {
        let (user, group) = cursor.owner_names(entry.user_id, entry.group_id);
        let owner: OwnerChoice = self.owners.choose(&entry, user, group);
        entry.path = self.relative(&entry.path);
        Candidate { entry, owner, is_new: false, is_changed: false }
    }

    fn relative(&self, full: &[u8]) -> Vec<u8> {
        let below = full.get(self.path.len()..).unwrap_or_default();
        let below = below.strip_prefix(b"/").unwrap_or(below);
        match &self.single {
            Some(name) if below.is_empty() => name.clone(),
            // Nothing is below a single object; such an entry is refused by its path.
            Some(name) => join(name, below),
            None => below.to_vec(),
        }
    }
}

/// Returns the totals of the selection, if they are cheap to find out.
pub(crate) fn expected(reader: &ChunkReader, request: &RestoreRequest) -> Option<Totals> {
    if request.since.is_some() || !request.include.is_empty() {
        return None;
    }
    let root = ManifestRoot::of(&request.snapshot)?;
    if request.path.is_empty() {
        return Some(root.totals);
    }
    // Damage is met again, and reported, when the entries themselves are read.
    ManifestCursor::new(reader, &root).totals_within(&request.path).ok()
}

/// Returns where the manifest of a snapshot begins.
pub(crate) fn root_of(snapshot: &icecore_format::snapshot::Snapshot) -> RestoreResult<ManifestRoot> {
    let run = snapshot.origin.run;
    ManifestRoot::of(snapshot).ok_or(RestoreError::NotComplete { run })
}
