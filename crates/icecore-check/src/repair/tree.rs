//! Rebuilds a manifest, level by level. Pure; the nodes are kept until they are stored.

use std::sync::Arc;

use icecore_format::{
    entry::Entry,
    error::{FormatError, FormatResult},
    keys::Keys,
    limits::NODE_LEVEL_MAX,
    node::{Child, EncodedNode, NodeBuilder},
};

/// A manifest in the making. Leaves that did not change are reused.
pub(super) struct Tree {
    keys: Arc<Keys>,
    node_items: u32,
    levels: Vec<NodeLevel>,
    /// Nodes that were built, the children before their parents.
    built: Vec<EncodedNode>,
    built_bytes: usize,
}

struct NodeLevel {
    builder: NodeBuilder,
    /// The only node of this level so far; a second node moves it to the level above.
    only: Option<Child>,
    more: bool,
}

impl NodeLevel {
    fn new(level: usize, node_items: u32) -> Self {
        // The caller has compared it with the largest level of the format.
        Self { builder: NodeBuilder::new(level as u8, node_items), only: None, more: false }
    }
}

impl Tree {
    /// Begins an empty manifest whose nodes hold `node_items` items on average.
    pub(super) fn new(keys: Arc<Keys>, node_items: u32) -> Self {
        let levels = vec![NodeLevel::new(0, node_items)];
        Self { keys, node_items, levels, built: Vec::new(), built_bytes: 0 }
    }

    /// Returns the bytes of all nodes that were built.
    pub(super) fn built_bytes(&self) -> usize {
        self.built_bytes
    }

    /// Returns whether the next entry begins a leaf.
    pub(super) fn at_leaf_start(&self) -> bool {
        self.levels[0].builder.is_empty()
    }

    /// Adds the next entry. Entries must come in strictly rising order of their paths.
    pub(super) fn push(
        &mut self,
        entry: &Entry,
        user: Option<&[u8]>,
        group: Option<&[u8]>,
    ) -> FormatResult<()> {
        let ends = self.levels[0].builder.push_entry(&self.keys, entry, user, group)?;
        if ends { self.finish_node(0) } else { Ok(()) }
    }

    /// Adds a whole stored leaf if no leaf is open; returns whether it was added.
    pub(super) fn push_leaf(&mut self, leaf: &Child) -> FormatResult<bool> {
        if !self.at_leaf_start() {
            return Ok(false);
        }
        self.add_node(0, leaf.clone())?;
        Ok(true)
    }

    /// Ends the manifest; returns the nodes that were built, the root, and its level.
    pub(super) fn finish(mut self) -> FormatResult<(Vec<EncodedNode>, Child, u8)> {
        let mut level = 0;
        loop {
            let nothing_yet = self.levels[level].only.is_none() && !self.levels[level].more;
            if !self.levels[level].builder.is_empty() || nothing_yet {
                self.finish_node(level)?;
            }
            if let Some(root) = self.levels[level].only.take() {
                return Ok((self.built, root, level as u8));
            }
            level += 1;
        }
    }

    fn finish_node(&mut self, level: usize) -> FormatResult<()> {
        let node = self.levels[level].builder.finish(&self.keys)?;
        let child = node.child.clone();
        self.built_bytes += node.raw.len();
        self.built.push(node);
        self.add_node(level, child)
    }

    fn add_node(&mut self, level: usize, node: Child) -> FormatResult<()> {
        if !self.levels[level].more && self.levels[level].only.is_none() {
            self.levels[level].only = Some(node);
            return Ok(());
        }
        if let Some(first) = self.levels[level].only.take() {
            self.levels[level].more = true;
            self.push_child(level + 1, &first)?;
        }
        self.push_child(level + 1, &node)
    }

    fn push_child(&mut self, level: usize, child: &Child) -> FormatResult<()> {
        if level > usize::from(NODE_LEVEL_MAX) {
            return Err(FormatError::WrongContent);
        }
        if self.levels.len() == level {
            self.levels.push(NodeLevel::new(level, self.node_items));
        }
        let ends = self.levels[level].builder.push_child(&self.keys, child)?;
        if ends { self.finish_node(level) } else { Ok(()) }
    }
}
