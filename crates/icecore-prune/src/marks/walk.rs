//! Walks the nodes of manifests and chunk lists, each once.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use icecore_catalog::Catalog;
use icecore_format::{
    chunk_list::ChunkListNode,
    entry::{ChunkListRef, Content},
    ids::{ChunkId, GroupId, RunId},
    node::{Child, Node, NodeItems},
};
use icecore_repo::{error::RepoError, manifest::ManifestRoot, reader::ChunkReader};

use crate::{chunk_packs::ChunkPacks, error::PruneResult, kept_sets, pack_set::PackSet, packs::PackTable};

/// So many new sets are handed to the catalogue at a time.
const ROWS_AT_A_TIME: usize = 1000;

/// Whose copies of chunks a snapshot needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// All copies.
    All,
    /// Those in packs of a group, if they hold one.
    Group(GroupId),
}

impl Scope {
    /// Returns the id under which the set of a node is known: the packs that it needs depend on the group.
    pub fn key(self, node: &ChunkId) -> ChunkId {
        let mut key = *node;
        if let Self::Group(group) = self {
            // Ids of nodes are keyed hashes, and groups are random.
            for (byte, mask) in key.0.iter_mut().zip(group.0.iter().cycle()) {
                *byte ^= mask;
            }
        }
        key
    }
}

/// What is known of nodes, for all threads.
pub(super) struct Nodes<'a> {
    packs: &'a PackTable,
    /// All nodes that were read, or that the catalogue has sets for and that were met.
    known: Mutex<HashMap<ChunkId, PackSet>>,
    kept: Mutex<Kept<'a>>,
}

/// What becomes of sets that are found, and of those that were kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NewSets {
    /// The catalogue keeps them, and sets that it has are used.
    Keep,
    /// They are dropped, and no kept set is used: it may lack a copy that a snapshot of a group needs.
    Drop,
}

struct Kept<'a> {
    catalog: &'a mut Catalog,
    new_sets: NewSets,
    new: Vec<(ChunkId, PackSet)>,
}

impl<'a> Nodes<'a> {
    pub fn new(catalog: &'a mut Catalog, packs: &'a PackTable, new_sets: NewSets) -> Self {
        Self { packs, known: Mutex::default(), kept: Mutex::new(Kept { catalog, new_sets, new: Vec::new() }) }
    }

    /// Returns the set of a node, if it is known. The catalogue has no sets of leaves of manifests: there are
    /// many of them, and most have an own set only for a while.
    fn get(&self, node: &ChunkId, is_kept: bool) -> PruneResult<Option<PackSet>> {
        if let Some(set) = lock(&self.known).get(node) {
            return Ok(Some(set.clone()));
        }
        let kept = lock(&self.kept);
        let found = if is_kept && kept.new_sets == NewSets::Keep {
            kept_sets::get(kept.catalog, self.packs, node)?
        } else {
            None
        };
        drop(kept);
        if let Some(set) = &found {
            lock(&self.known).insert(*node, set.clone());
        }
        Ok(found)
    }

    fn put(&self, node: ChunkId, set: &PackSet, is_kept: bool) -> PruneResult<()> {
        let is_new = lock(&self.known).insert(node, set.clone()).is_none();
        if is_kept && is_new {
            let mut kept = lock(&self.kept);
            kept.new.push((node, set.clone()));
            if kept.new.len() >= ROWS_AT_A_TIME {
                kept.write(self.packs)?;
            }
        }
        Ok(())
    }

    /// Hands the rest to the catalogue.
    pub fn finish(self) -> PruneResult<()> {
        self.kept.into_inner().unwrap_or_else(PoisonError::into_inner).write(self.packs)
    }
}

impl Kept<'_> {
    fn write(&mut self, packs: &PackTable) -> PruneResult<()> {
        if self.new_sets == NewSets::Keep {
            kept_sets::put(self.catalog, packs, self.new.iter().map(|(node, set)| (node, set)))?;
        }
        self.new.clear();
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A walk through one manifest.
#[derive(Clone, Copy)]
pub(super) struct Walk<'a, 'n> {
    pub reader: &'a ChunkReader,
    pub chunks: &'a ChunkPacks,
    /// The groups of packs; empty if no snapshot has the scope of a group.
    pub groups: &'a [Option<GroupId>],
    pub scope: Scope,
    /// If a group has no copy of a chunk, those in other packs are needed; else the chunk is missing.
    pub may_be_elsewhere: bool,
    pub nodes: &'a Nodes<'n>,
    /// Snapshot that is walked, for messages.
    pub run: RunId,
    /// Which of how many threads walks here: each begins at other children, so that threads that walk
    /// manifests with much in common do not read the same nodes at the same time.
    pub turn: (usize, usize),
}

impl Walk<'_, '_> {
    /// Returns the packs that a manifest and the contents of its files need.
    pub fn manifest(&self, root: &ManifestRoot) -> PruneResult<PackSet> {
        self.node(&root.node, root.level, true)
    }

    fn node(&self, id: &ChunkId, level: u8, is_root: bool) -> PruneResult<PackSet> {
        let is_kept = is_root || level > 0;
        if let Some(set) = self.nodes.get(&self.scope.key(id), is_kept)? {
            return Ok(set);
        }
        self.reader.repository().environment().proceed()?;
        let raw = self.reader.read_node(*id)?;
        let object = || format!("manifest node {id}");
        let node = Node::decode(&raw).map_err(|source| RepoError::Object { key: object(), source })?;
        if node.level != level {
            let reason = "a node is not on the level below its parent";
            return Err(RepoError::Manifest { run: self.run, reason }.into());
        }
        let mut packs = Vec::new();
        self.add_chunk(id, &mut packs)?;
        match node.items {
            NodeItems::Inner(children) => self.add_children(&children, level, &mut packs)?,
            NodeItems::Leaf(entries) => {
                entries.iter().try_for_each(|entry| self.add_content(&entry.content, &mut packs))?;
            }
        }
        self.keep(*id, packs, is_kept)
    }

    fn add_children(&self, children: &[Child], level: u8, packs: &mut Vec<u32>) -> PruneResult<()> {
        let (turn, turns) = self.turn;
        let (after, before) = children.split_at(children.len() * turn / turns.max(1));
        for child in before.iter().chain(after) {
            packs.extend(self.node(&child.id, level.saturating_sub(1), false)?.iter());
        }
        Ok(())
    }

    fn add_content(&self, content: &Content, packs: &mut Vec<u32>) -> PruneResult<()> {
        match content {
            Content::Inline(chunks) => chunks.iter().try_for_each(|chunk| self.add_chunk(&chunk.id, packs)),
            Content::List(list) => {
                packs.extend(self.list(list)?.iter());
                Ok(())
            }
        }
    }

    fn list(&self, list: &ChunkListRef) -> PruneResult<PackSet> {
        if let Some(set) = self.nodes.get(&self.scope.key(&list.id), true)? {
            return Ok(set);
        }
        self.reader.repository().environment().proceed()?;
        let raw = self.reader.read_node(list.id)?;
        let object = || format!("chunk-list node {}", list.id);
        let node = ChunkListNode::decode(&raw, list)
            .map_err(|source| RepoError::Object { key: object(), source })?;
        let mut packs = Vec::new();
        self.add_chunk(&list.id, &mut packs)?;
        match node {
            ChunkListNode::Inner(nodes) => {
                for node in &nodes {
                    packs.extend(self.list(node)?.iter());
                }
            }
            ChunkListNode::Leaf(chunks) => {
                let stored = chunks.iter().filter(|chunk| !chunk.is_hole());
                stored.into_iter().try_for_each(|chunk| self.add_chunk(&chunk.id, &mut packs))?;
            }
        }
        self.keep(list.id, packs, true)
    }

    fn add_chunk(&self, id: &ChunkId, packs: &mut Vec<u32>) -> PruneResult<()> {
        let before = packs.len();
        if !self.chunks.add_packs_of(id, packs) {
            return Err(RepoError::MissingChunk { id: *id }.into());
        }
        if let Scope::Group(own) = self.scope {
            let is_own = |number: &u32| self.groups.get(*number as usize) == Some(&Some(own));
            let found = packs.split_off(before);
            let has_own = found.iter().any(is_own);
            if !has_own && !self.may_be_elsewhere {
                return Err(RepoError::MissingChunk { id: *id }.into());
            }
            packs.extend(found.into_iter().filter(|number| !has_own || is_own(number)));
        }
        Ok(())
    }

    fn keep(&self, id: ChunkId, packs: Vec<u32>, is_kept: bool) -> PruneResult<PackSet> {
        let set: PackSet = packs.into_iter().collect();
        self.nodes.put(self.scope.key(&id), &set, is_kept)?;
        Ok(set)
    }
}
