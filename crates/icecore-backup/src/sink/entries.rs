//! Adds finished entries to the manifest, or refuses them.

use std::sync::Arc;

use icecore_format::{
    entry::{Entry, Marks},
    path,
};
use icecore_fs::names::{GroupNames, UserNames};
use icecore_repo::{
    error::RepoError,
    manifest::{EntryRefusal, LeafIdentity, LinkAgreement, ManifestRoot, ManifestWriter},
    session::WriteSession,
};

use crate::{
    error::BackupResult,
    events::{BackupEvents, SourceProblem},
    tally::Tally,
};

/// A leaf of the base whose entries so far are all unchanged.
#[derive(Debug)]
struct UnchangedLeaf {
    identity: Arc<LeafIdentity>,
    entries: Vec<Entry>,
}

/// An entry that the manifest has refused; everything below it is refused too.
#[derive(Debug)]
struct RefusedEntry {
    path: Vec<u8>,
    reason: EntryRefusal,
    below: u64,
}

/// Writes entries into the manifest, in the order of their paths, with the names of their owners.
pub(crate) struct EntryWriter<'a, 'c> {
    pub session: &'a mut WriteSession<'c>,
    pub tally: Tally<'a>,
    manifest: ManifestWriter,
    users: UserNames,
    groups: GroupNames,
    leaf: Option<UnchangedLeaf>,
    refused: Option<RefusedEntry>,
}

/// A complete manifest, except that its last nodes are not written yet.
pub(crate) struct AllEntries<'a, 'c> {
    session: &'a mut WriteSession<'c>,
    pub tally: Tally<'a>,
    manifest: ManifestWriter,
}

impl<'a> AllEntries<'a, '_> {
    /// Writes the last nodes.
    pub fn finish(self) -> BackupResult<(ManifestRoot, Tally<'a>)> {
        Ok((self.manifest.finish(self.session)?, self.tally))
    }
}

impl<'a, 'c> EntryWriter<'a, 'c> {
    /// Begins an empty manifest, and prepares the names of users and groups.
    pub fn new(session: &'a mut WriteSession<'c>, events: &'a dyn BackupEvents) -> Self {
        Self {
            manifest: ManifestWriter::new(session.repository().header().parameters.node_items),
            session,
            tally: Tally::new(events),
            users: load_names(UserNames::load(), "/etc/passwd").unwrap_or_default(),
            groups: load_names(GroupNames::load(), "/etc/group").unwrap_or_default(),
            leaf: None,
            refused: None,
        }
    }

    /// Adds an entry that is the same as in the base to the manifest. If all entries of a leaf are unchanged,
    /// the leaf is reused, which saves encoding and hashing it.
    pub fn push_unchanged(
        &mut self,
        entry: Entry,
        leaf: Option<(Arc<LeafIdentity>, usize)>,
    ) -> BackupResult<()> {
        let Some((identity, number)) = leaf else { return self.push(&entry) };
        if self.refused.is_some() || self.manifest.link_agreement(&entry) == LinkAgreement::Different {
            return self.push(&entry);
        }
        let continues = self
            .leaf
            .as_ref()
            .is_some_and(|leaf| Arc::ptr_eq(&leaf.identity, &identity) && leaf.entries.len() == number);
        if !continues {
            self.give_up_leaf()?;
            if number > 0 || !self.manifest.at_leaf_start() || !self.session.has_chunk(&identity.child.id) {
                return self.push(&entry);
            }
            self.leaf = Some(UnchangedLeaf { identity: Arc::clone(&identity), entries: Vec::new() });
        }
        let Some(leaf) = &mut self.leaf else { return self.push(&entry) };
        leaf.entries.push(entry);
        if leaf.entries.len() < identity.entries {
            return Ok(());
        }
        let Some(leaf) = self.leaf.take() else { return Ok(()) };
        self.push_leaf(leaf)
    }

    /// Reuses a leaf, or adds its entries one by one if it does not fit.
    fn push_leaf(&mut self, leaf: UnchangedLeaf) -> BackupResult<()> {
        if leaf.entries.iter().all(|entry| self.owners_as_in(entry, &leaf.identity)) {
            match self.manifest.push_leaf(self.session, &leaf.identity, &leaf.entries) {
                Ok(()) => {
                    leaf.entries.iter().for_each(|entry| self.tally.count_entry(entry, self.session));
                    return Ok(());
                }
                Err(RepoError::EntryRefused { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.leaf = Some(leaf);
        self.give_up_leaf()
    }

    /// Returns whether the owners of an entry still have the names that the leaf gives them.
    fn owners_as_in(&self, entry: &Entry, identity: &LeafIdentity) -> bool {
        let user = identity.users.get(&entry.user_id).map(Vec::as_slice);
        let group = identity.groups.get(&entry.group_id).map(Vec::as_slice);
        self.users.name(entry.user_id) == user && self.groups.name(entry.group_id) == group
    }

    /// Adds the entries of a leaf that did not stay unchanged to the manifest, one by one.
    fn give_up_leaf(&mut self) -> BackupResult<()> {
        match self.leaf.take() {
            Some(leaf) => leaf.entries.iter().try_for_each(|entry| self.push_entry(entry)),
            None => Ok(()),
        }
    }

    /// Adds a finished entry to the manifest.
    pub fn push(&mut self, entry: &Entry) -> BackupResult<()> {
        self.give_up_leaf()?;
        self.push_entry(entry)
    }

    /// Adds the entries that are still held back to the manifest.
    pub fn end(mut self) -> BackupResult<AllEntries<'a, 'c>> {
        self.give_up_leaf()?;
        self.end_refused();
        Ok(AllEntries { session: self.session, tally: self.tally, manifest: self.manifest })
    }

    fn push_entry(&mut self, entry: &Entry) -> BackupResult<()> {
        if let Some(refused) = &mut self.refused {
            if path::is_within(&entry.path, &refused.path) {
                refused.below += 1;
                return Ok(());
            }
            self.end_refused();
        }
        match self.manifest.link_agreement(entry) {
            LinkAgreement::First | LinkAgreement::Same => self.write(entry),
            LinkAgreement::Different => self.write_apart(entry),
        }
    }

    /// Another name of the file is in the manifest with an older state of it: each name is stored separately.
    fn write_apart(&mut self, entry: &Entry) -> BackupResult<()> {
        if !entry.marks.intersects(Marks::CHANGED_WHILE_READ.with(Marks::UNREADABLE)) {
            self.tally.problem(SourceProblem::Changing { path: entry.path.clone() });
        }
        self.write(&Entry { link_device: None, ..entry.clone() })
    }

    fn write(&mut self, entry: &Entry) -> BackupResult<()> {
        let (user, group) = (self.users.name(entry.user_id), self.groups.name(entry.group_id));
        match self.manifest.push(self.session, entry, user, group) {
            Ok(()) => self.tally.count_entry(entry, self.session),
            Err(RepoError::EntryRefused { path, reason }) => {
                self.refused = Some(RefusedEntry { path, reason, below: 0 });
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Reports the refused entry when nothing more can be below it.
    fn end_refused(&mut self) {
        if let Some(RefusedEntry { path, reason, below }) = self.refused.take() {
            self.tally.problem(SourceProblem::Refused { path, reason, below });
        }
    }
}

fn load_names<T>(names: std::io::Result<T>, file: &'static str) -> Option<T> {
    names.inspect_err(|error| tracing::warn!(file, %error, "owners are stored by number only")).ok()
}
