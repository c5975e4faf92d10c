//! A position in a manifest that moves forward and can jump.

use std::{sync::Arc, vec};

use icecore_format::{
    entry::Entry,
    error::FormatError,
    ids::RunId,
    node::{Child, Node, NodeItems, OwnerNames, Totals},
    path,
};

use crate::{
    error::{RepoError, RepoResult},
    manifest_root::ManifestRoot,
    reader::ChunkReader,
};

/// A whole leaf of a manifest whose end was decided by the keyed hash, not by the end of the manifest. Any
/// other manifest with exactly these entries in a row, starting at the beginning of a leaf, has the same
/// leaf.
#[derive(Debug)]
pub struct LeafIdentity {
    /// How a parent refers to the leaf.
    pub child: Child,
    /// Number of its entries.
    pub entries: usize,
    /// Names of the users that own its entries, if known.
    pub users: OwnerNames,
    /// Names of the groups that own its entries, if known.
    pub groups: OwnerNames,
}

enum Frame {
    Inner { children: vec::IntoIter<Child>, level: u8 },
    Leaf { entries: vec::IntoIter<Entry>, identity: Arc<LeafIdentity>, last: bool },
}

/// Streams the entries of a manifest in path order; holds one path from root to leaf in memory.
///
/// Every opened node is compared with what its parent says about it.
pub struct ManifestCursor<'a> {
    reader: &'a ChunkReader,
    run: RunId,
    stack: Vec<Frame>,
    /// Last path of the nodes that have been passed: opened down to their entries, or skipped.
    passed: Option<Vec<u8>>,
    /// The last path of the root is not written anywhere above it.
    root_opened: bool,
}

impl std::fmt::Debug for ManifestCursor<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ManifestCursor").field("run", &self.run).finish_non_exhaustive()
    }
}

impl<'a> ManifestCursor<'a> {
    /// Begins before the first entry; nothing is read yet.
    pub fn new(reader: &'a ChunkReader, root: &ManifestRoot) -> Self {
        let child = Child { last_path: Vec::new(), id: root.node, totals: root.totals };
        let frame = Frame::Inner { children: vec![child].into_iter(), level: root.level + 1 };
        Self { reader, run: root.run, stack: vec![frame], passed: None, root_opened: false }
    }

    /// Returns the next entry and moves past it.
    #[expect(clippy::should_implement_trait, reason = "an iterator could not lend the owner names along")]
    pub fn next(&mut self) -> RepoResult<Option<Entry>> {
        while self.peek_node().is_some() {
            self.expand()?;
        }
        let Some(Frame::Leaf { entries, .. }) = self.stack.last_mut() else { return Ok(None) };
        Ok(entries.next())
    }

    /// Returns the next entry without moving; opens nodes if necessary.
    pub fn peek(&mut self) -> RepoResult<Option<&Entry>> {
        while self.peek_node().is_some() {
            self.expand()?;
        }
        match self.stack.last() {
            Some(Frame::Leaf { entries, .. }) => Ok(entries.as_slice().first()),
            _ => Ok(None),
        }
    }

    /// Returns the leaf of the entry returned last and that entry's number in it. Returns none for the last
    /// leaf of a manifest, which might not end there if more entries followed.
    pub fn leaf_position(&self) -> Option<(Arc<LeafIdentity>, usize)> {
        match self.stack.last() {
            Some(Frame::Leaf { entries, identity, last: false }) => {
                let number = identity.entries.checked_sub(entries.as_slice().len() + 1)?;
                Some((Arc::clone(identity), number))
            }
            _ => None,
        }
    }

    /// Returns the names that the manifest gives to a user and a group of the entry returned last.
    pub fn owner_names(&self, user_id: u32, group_id: u32) -> (Option<&[u8]>, Option<&[u8]>) {
        match self.stack.last() {
            Some(Frame::Leaf { identity, .. }) => {
                let LeafIdentity { users, groups, .. } = identity.as_ref();
                (users.get(&user_id).map(Vec::as_slice), groups.get(&group_id).map(Vec::as_slice))
            }
            _ => (None, None),
        }
    }

    /// Moves to the first entry that is not before `target`; only forward.
    pub fn seek(&mut self, target: &[u8]) -> RepoResult<()> {
        loop {
            if let Some(Frame::Leaf { entries, .. }) = self.stack.last_mut() {
                while entries
                    .as_slice()
                    .first()
                    .is_some_and(|entry| path::compare(&entry.path, target).is_lt())
                {
                    entries.next();
                }
                if !entries.as_slice().is_empty() {
                    return Ok(());
                }
            }
            let root_opened = self.root_opened;
            match self.peek_node() {
                None => return Ok(()),
                Some((child, _)) if root_opened && path::compare(&child.last_path, target).is_lt() => {
                    self.skip_node();
                }
                Some(_) => self.expand()?,
            }
        }
    }

    /// Returns the entry of exactly this path.
    pub fn find(mut self, target: &[u8]) -> RepoResult<Option<Entry>> {
        self.seek(target)?;
        Ok(self.next()?.filter(|entry| entry.path == target))
    }

    /// Returns the totals of a directory and everything below it (or of one object); reads only the nodes at
    /// its borders.
    pub fn totals_within(mut self, directory: &[u8]) -> RepoResult<Totals> {
        self.seek(directory)?;
        let mut totals = Totals::default();
        loop {
            let root_opened = self.root_opened;
            match self
                .peek_node()
                .map(|(child, _)| (path::is_within(&child.last_path, directory), child.totals))
            {
                // The cursor is in the directory, and the node ends in it.
                Some((true, sums)) if root_opened => {
                    totals.add(sums);
                    self.skip_node();
                }
                Some(_) => self.expand()?,
                None => match self.next()? {
                    Some(entry) if path::is_within(&entry.path, directory) => totals.add(Totals::of(&entry)),
                    _ => return Ok(totals),
                },
            }
        }
    }

    /// Returns the next node and its level, if the cursor is in front of a whole node that has not been
    /// opened.
    pub(super) fn peek_node(&mut self) -> Option<(&Child, u8)> {
        loop {
            match self.stack.last()? {
                // The last leaf of the manifest stays, for the owner names of the entry returned last.
                Frame::Leaf { entries, .. }
                    if !entries.as_slice().is_empty() || !self.more_nodes_follow() =>
                {
                    return None;
                }
                Frame::Inner { children, .. } if !children.as_slice().is_empty() => break,
                Frame::Leaf { .. } | Frame::Inner { .. } => {}
            }
            self.stack.pop();
        }
        match self.stack.last()? {
            Frame::Inner { children, level } => children.as_slice().first().map(|child| (child, level - 1)),
            Frame::Leaf { .. } => None,
        }
    }

    fn more_nodes_follow(&self) -> bool {
        self.stack.iter().any(|frame| match frame {
            Frame::Inner { children, .. } => !children.as_slice().is_empty(),
            Frame::Leaf { .. } => false,
        })
    }

    /// Moves past the node that [`Self::peek_node`] returned.
    pub(super) fn skip_node(&mut self) {
        if let Some(Frame::Inner { children, .. }) = self.stack.last_mut()
            && let Some(child) = children.next()
        {
            self.passed = Some(child.last_path);
        }
    }

    /// Opens the node that [`Self::peek_node`] returned.
    pub(super) fn expand(&mut self) -> RepoResult<()> {
        let Some(Frame::Inner { children, level }) = self.stack.last_mut() else { return Ok(()) };
        let (Some(child), level) = (children.next(), *level - 1) else { return Ok(()) };
        let raw = self.reader.read_node(child.id)?;
        let node = Node::decode(&raw).map_err(|source: FormatError| RepoError::Object {
            key: format!("manifest node {}", child.id),
            source,
        })?;
        self.check(&node, &child, level)?;
        self.root_opened = true;
        if let (NodeItems::Leaf(_), Some(last)) = (&node.items, node.last_path()) {
            self.passed = Some(last.to_vec());
        }
        self.stack.push(match node.items {
            NodeItems::Inner(children) => Frame::Inner { children: children.into_iter(), level },
            NodeItems::Leaf(entries) => {
                let (users, groups) = (node.users, node.groups);
                let identity = Arc::new(LeafIdentity { child, entries: entries.len(), users, groups });
                let last = !self.more_nodes_follow();
                Frame::Leaf { entries: entries.into_iter(), identity, last }
            }
        });
        Ok(())
    }

    fn check(&self, node: &Node, child: &Child, level: u8) -> RepoResult<()> {
        let first = match &node.items {
            NodeItems::Leaf(entries) => entries.first().map(|entry| &entry.path),
            NodeItems::Inner(children) => children.first().map(|child| &child.last_path),
        };
        let sorted = match (&self.passed, first) {
            (Some(passed), Some(first)) => path::compare(passed, first).is_lt(),
            _ => true,
        };
        let reason = if node.level != level {
            "a node is not on the level below its parent"
        } else if node.totals() != child.totals {
            "the totals of a node differ from those in its parent"
        } else if self.root_opened && node.last_path() != Some(child.last_path.as_slice()) {
            "the last path of a node differs from the one in its parent"
        } else if !sorted {
            "paths are repeated or not sorted across nodes"
        } else {
            return Ok(());
        };
        Err(RepoError::Manifest { run: self.run, reason })
    }
}
