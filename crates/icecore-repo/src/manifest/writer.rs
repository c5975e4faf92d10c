//! Builds a manifest from entries that come in path order.

use icecore_format::{
    entry::Entry,
    error::FormatError,
    limits::NODE_LEVEL_MAX,
    node::{Child, NodeBuilder},
    seal::ObjectKind,
};

use crate::{
    error::{RepoError, RepoResult},
    manifest::{
        cursor::LeafIdentity,
        soundness::{LinkAgreement, Soundness},
    },
    manifest_root::ManifestRoot,
    session::WriteSession,
};

/// Builds a manifest level by level while entries arrive; holds one open node for each level.
///
/// The manifest is always sound: an entry that would make it unsound is refused.
#[derive(Debug)]
pub struct ManifestWriter {
    soundness: Soundness,
    levels: Vec<NodeLevel>,
    node_items: u32,
}

#[derive(Debug)]
struct NodeLevel {
    builder: NodeBuilder,
    /// The only node of this level so far; a second node moves it to the level above.
    only: Option<Child>,
    more: bool,
}

impl ManifestWriter {
    /// Begins an empty manifest whose nodes hold `node_items` items on average.
    pub fn new(node_items: u32) -> Self {
        Self { soundness: Soundness::default(), levels: vec![NodeLevel::new(0, node_items)], node_items }
    }

    /// Adds the next entry, with the names of its owner if known.
    ///
    /// An entry that `check` would call damage is refused with [`RepoError::EntryRefused`]; the manifest can
    /// be continued without it.
    pub fn push(
        &mut self,
        session: &mut WriteSession<'_>,
        entry: &Entry,
        user: Option<&[u8]>,
        group: Option<&[u8]>,
    ) -> RepoResult<()> {
        self.soundness
            .admit(entry)
            .map_err(|reason| RepoError::EntryRefused { path: entry.path.clone(), reason })?;
        let ends = self.levels[0].builder.push_entry(session.repository().keys(), entry, user, group)?;
        if ends { self.finish_node(session, 0) } else { Ok(()) }
    }

    /// Compares an entry to be added with the other names of its file that have been added.
    pub fn link_agreement(&self, entry: &Entry) -> LinkAgreement {
        self.soundness.link_agreement(entry)
    }

    /// Returns whether the next entry begins a leaf.
    pub fn at_leaf_start(&self) -> bool {
        self.levels[0].builder.is_empty()
    }

    /// Adds a whole leaf of another manifest instead of its entries.
    ///
    /// The session must have the leaf; `entries` are all of its entries. If one of them is refused, nothing
    /// is added.
    ///
    /// # Panics
    /// When a leaf is open, or the entries are not those of the leaf.
    pub fn push_leaf(
        &mut self,
        session: &mut WriteSession<'_>,
        leaf: &LeafIdentity,
        entries: &[Entry],
    ) -> RepoResult<()> {
        assert!(self.at_leaf_start(), "a leaf follows a finished leaf");
        let last = entries.last().map(|entry| entry.path.as_slice());
        assert!(entries.len() == leaf.entries && last == Some(&leaf.child.last_path), "entries of the leaf");
        self.soundness
            .admit_all(entries)
            .map_err(|(path, reason)| RepoError::EntryRefused { path, reason })?;
        self.add_node(session, 0, leaf.child.clone())
    }

    /// Stores the open node of `level` and hands it to the level above.
    fn finish_node(&mut self, session: &mut WriteSession<'_>, level: usize) -> RepoResult<()> {
        let node = self.levels[level].builder.finish(session.repository().keys())?;
        session.add_chunk(ObjectKind::Manifest, node.child.id, &node.raw)?;
        self.add_node(session, level, node.child)
    }

    /// Hands a finished node to the level above if it is not the only one of its level.
    fn add_node(&mut self, session: &mut WriteSession<'_>, level: usize, node: Child) -> RepoResult<()> {
        if !self.levels[level].more && self.levels[level].only.is_none() {
            self.levels[level].only = Some(node);
            return Ok(());
        }
        if let Some(first) = self.levels[level].only.take() {
            self.levels[level].more = true;
            self.push_child(session, level + 1, &first)?;
        }
        self.push_child(session, level + 1, &node)
    }

    fn push_child(&mut self, session: &mut WriteSession<'_>, level: usize, child: &Child) -> RepoResult<()> {
        if level > usize::from(NODE_LEVEL_MAX) {
            // No reader would accept the tree. With nodes of reasonable size, a source cannot have that many
            // entries.
            let (found, maximum) = (level as u64, NODE_LEVEL_MAX.into());
            let error =
                FormatError::OutOfBounds { what: "level of a manifest node", found, minimum: 0, maximum };
            return Err(error.into());
        }
        if self.levels.len() == level {
            self.levels.push(NodeLevel::new(level as u8, self.node_items));
        }
        let ends = self.levels[level].builder.push_child(session.repository().keys(), child)?;
        if ends { self.finish_node(session, level) } else { Ok(()) }
    }

    /// Stores the open nodes and returns the root.
    pub fn finish(mut self, session: &mut WriteSession<'_>) -> RepoResult<ManifestRoot> {
        let mut level = 0;
        loop {
            let nothing_yet = self.levels[level].only.is_none() && !self.levels[level].more;
            if !self.levels[level].builder.is_empty() || nothing_yet {
                self.finish_node(session, level)?;
            }
            if let Some(root) = self.levels[level].only.take() {
                let (node, totals) = (root.id, root.totals);
                return Ok(ManifestRoot { run: session.run(), node, level: level as u8, totals });
            }
            level += 1;
        }
    }
}

impl NodeLevel {
    fn new(level: u8, node_items: u32) -> Self {
        Self { builder: NodeBuilder::new(level, node_items), only: None, more: false }
    }
}
