//! Finds out who refers to which chunk: walks all manifests together, level by level from the top.
//!
//! When the nodes of a level are read, all nodes that refer to them have been read, so their owners are
//! final, and each node is read once however many snapshots share it.

use std::{
    collections::{BTreeMap, HashMap, hash_map},
    panic::resume_unwind,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
};

use icecore_format::{
    chunk_list::ChunkListNode,
    entry::{ChunkListRef, Content},
    ids::{ChunkId, GroupId, RunId},
    node::{Node, NodeItems},
    snapshot::{DedupScope, Snapshot},
};
use icecore_repo::{error::RepoError, manifest::ManifestRoot, reader::ChunkReader};

use crate::{
    chunk_packs::ChunkPacks,
    error::{PruneError, PruneResult},
    owners::{Owner, OwnerTree},
};

/// So many nodes a thread takes at a time: neighbours are often in the same block.
const NODES_AT_A_TIME: usize = 32;

/// Nodes of one level. The greatest is walked first: all manifests before all lists of chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    List(u8),
    Manifest(u8),
}

/// Who refers to a node or chunk.
#[derive(Clone, Copy, Debug)]
struct Referrer {
    owner: Owner,
    /// The group whose packs count; none if those of all groups do.
    scope: Option<GroupId>,
    /// One of the snapshots, for messages.
    run: RunId,
}

/// A node that is to be read.
struct PendingNode {
    id: ChunkId,
    /// What the parent says about a node of a list of chunks; none for a node of a manifest.
    list: Option<ChunkListRef>,
    referrer: Referrer,
}

/// The nodes of one level that are to be read, in the order in which they were found.
#[derive(Default)]
struct LevelNodes {
    nodes: Vec<PendingNode>,
    positions: HashMap<(ChunkId, Option<GroupId>), usize>,
}

impl LevelNodes {
    fn add(&mut self, tree: &OwnerTree, node: PendingNode) {
        match self.positions.entry((node.id, node.referrer.scope)) {
            hash_map::Entry::Occupied(position) => {
                let referrer = &mut self.nodes[*position.get()].referrer;
                referrer.owner = tree.join(referrer.owner, node.referrer.owner);
            }
            hash_map::Entry::Vacant(position) => {
                position.insert(self.nodes.len());
                self.nodes.push(node);
            }
        }
    }
}

/// What a walk found.
#[derive(Debug)]
pub(super) struct Walked {
    /// The owner of each copy of a chunk, by its position in the [`ChunkPacks`].
    pub owners: Vec<Owner>,
    /// Number of nodes that cannot be read and of chunks that are missing.
    pub unreadable_count: u64,
    /// The first of them.
    pub unreadable: Option<(RunId, PruneError)>,
}

/// A walk through all manifests.
pub(super) struct OwnerWalk<'a> {
    reader: &'a ChunkReader,
    chunks: &'a ChunkPacks,
    /// The group of each pack.
    groups: &'a [Option<GroupId>],
    tree: &'a OwnerTree,
    owners: Vec<AtomicU32>,
    levels: Mutex<BTreeMap<Level, LevelNodes>>,
    unreadable: Mutex<(u64, Option<(RunId, PruneError)>)>,
}

impl<'a> OwnerWalk<'a> {
    pub fn new(
        reader: &'a ChunkReader,
        chunks: &'a ChunkPacks,
        groups: &'a [Option<GroupId>],
        tree: &'a OwnerTree,
    ) -> Self {
        let owners = (0..chunks.len()).map(|_| AtomicU32::new(Owner::NOBODY.number())).collect();
        let (levels, unreadable) = (Mutex::default(), Mutex::default());
        Self { reader, chunks, groups, tree, owners, levels, unreadable }
    }

    /// Walks the manifests of snapshots.
    pub fn run(&self, snapshots: &[(&Snapshot, Owner)]) -> PruneResult<()> {
        for (snapshot, owner) in snapshots {
            let Some(root) = ManifestRoot::of(snapshot) else { continue };
            let is_scoped = snapshot.origin.dedup == DedupScope::Group;
            let scope = is_scoped.then_some(snapshot.origin.group);
            let referrer = Referrer { owner: *owner, scope, run: root.run };
            self.expect(Level::Manifest(root.level), [PendingNode { id: root.node, list: None, referrer }]);
        }
        loop {
            let last = lock(&self.levels).pop_last();
            let Some((level, nodes)) = last else { return Ok(()) };
            self.read_level(level, &nodes.nodes)?;
        }
    }

    /// Returns what was found.
    pub fn finish(self) -> Walked {
        let owners = self.owners.into_iter().map(|owner| Owner::from_number(owner.into_inner()));
        let (unreadable_count, unreadable) =
            self.unreadable.into_inner().unwrap_or_else(PoisonError::into_inner);
        Walked { owners: owners.collect(), unreadable_count, unreadable }
    }

    fn expect(&self, level: Level, nodes: impl IntoIterator<Item = PendingNode>) {
        let mut levels = lock(&self.levels);
        let of_level = levels.entry(level).or_default();
        nodes.into_iter().for_each(|node| of_level.add(self.tree, node));
    }

    /// Reads the nodes of one level on several threads.
    fn read_level(&self, level: Level, nodes: &[PendingNode]) -> PruneResult<()> {
        // Not on the workers: reading waits for the store.
        let environment = self.reader.repository().environment();
        let batches = nodes.len().div_ceil(NODES_AT_A_TIME);
        let threads = environment.workers.current_num_threads().min(batches).max(1);
        let next = AtomicUsize::new(0);
        let read = || -> PruneResult<()> {
            loop {
                let position = next.fetch_add(1, Ordering::Relaxed);
                let Some(batch) = nodes.chunks(NODES_AT_A_TIME).nth(position) else { return Ok(()) };
                for node in batch {
                    environment.proceed()?;
                    let result = self.read_node(level, node);
                    self.note(node.referrer.run, result)?;
                }
            }
        };
        std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(read)).collect();
            let joined =
                handles.into_iter().map(|handle| handle.join().unwrap_or_else(|panic| resume_unwind(panic)));
            joined.collect()
        })
    }

    /// Counts what cannot be read; passes on errors after which nothing is known.
    fn note(&self, run: RunId, result: PruneResult<()>) -> PruneResult<()> {
        match result {
            Err(error) if !error.is_general() => {
                let mut unreadable = lock(&self.unreadable);
                unreadable.0 += 1;
                unreadable.1.get_or_insert((run, error));
                Ok(())
            }
            result => result,
        }
    }

    fn read_node(&self, level: Level, node: &PendingNode) -> PruneResult<()> {
        self.claim(&node.id, &node.referrer)?;
        let raw = self.reader.read_node(node.id)?;
        match (level, &node.list) {
            (Level::Manifest(level), _) => self.manifest_node(&raw, level, node),
            (Level::List(level), Some(list)) => self.list_node(&raw, level, list, node),
            // A list is always expected with what its parent says about it.
            (Level::List(_), None) => Ok(()),
        }
    }

    fn manifest_node(&self, raw: &[u8], level: u8, pending: &PendingNode) -> PruneResult<()> {
        let object = || format!("manifest node {}", pending.id);
        let node = Node::decode(raw).map_err(|source| RepoError::Object { key: object(), source })?;
        let referrer = pending.referrer;
        if node.level != level {
            let reason = "a node is not on the level below its parent";
            return Err(RepoError::Manifest { run: referrer.run, reason }.into());
        }
        match node.items {
            NodeItems::Inner(children) => {
                let nodes = children.iter().map(|child| PendingNode { id: child.id, list: None, referrer });
                self.expect(Level::Manifest(level.saturating_sub(1)), nodes);
                Ok(())
            }
            NodeItems::Leaf(entries) => {
                entries.iter().try_for_each(|entry| self.content(&entry.content, &referrer))
            }
        }
    }

    fn content(&self, content: &Content, referrer: &Referrer) -> PruneResult<()> {
        match content {
            Content::Inline(chunks) => {
                chunks.iter().try_for_each(|chunk| self.claim_or_note(&chunk.id, referrer))
            }
            Content::List(list) => {
                self.expect_lists([list], referrer);
                Ok(())
            }
        }
    }

    fn list_node(
        &self,
        raw: &[u8],
        level: u8,
        list: &ChunkListRef,
        pending: &PendingNode,
    ) -> PruneResult<()> {
        let object = || format!("chunk-list node {}", list.id);
        let node =
            ChunkListNode::decode(raw, list).map_err(|source| RepoError::Object { key: object(), source })?;
        match node {
            // The decoder has checked that they are on the level below.
            ChunkListNode::Inner(nodes) if level > 0 => self.expect_lists(&nodes, &pending.referrer),
            ChunkListNode::Inner(_) => {}
            ChunkListNode::Leaf(chunks) => {
                let mut stored = chunks.iter().filter(|chunk| !chunk.is_hole());
                stored.try_for_each(|chunk| self.claim_or_note(&chunk.id, &pending.referrer))?;
            }
        }
        Ok(())
    }

    fn expect_lists<'l>(&self, lists: impl IntoIterator<Item = &'l ChunkListRef>, referrer: &Referrer) {
        for list in lists {
            let node = PendingNode { id: list.id, list: Some(*list), referrer: *referrer };
            self.expect(Level::List(list.level), [node]);
        }
    }

    /// Notes who refers to a chunk. One that is missing is counted, and the others are still read.
    fn claim_or_note(&self, id: &ChunkId, referrer: &Referrer) -> PruneResult<()> {
        self.note(referrer.run, self.claim(id, referrer))
    }

    /// Notes who refers to a chunk, at all copies that count.
    fn claim(&self, id: &ChunkId, referrer: &Referrer) -> PruneResult<()> {
        let mut found = false;
        for position in self.chunks.positions(id) {
            let group = self.groups[self.chunks.pack_at(position) as usize];
            if referrer.scope.is_some_and(|scope| group.is_some_and(|group| group != scope)) {
                continue;
            }
            found = true;
            let join = |owner| {
                let joined = self.tree.join(Owner::from_number(owner), referrer.owner).number();
                (joined != owner).then_some(joined)
            };
            // An error says that nothing changes.
            _ = self.owners[position].fetch_update(Ordering::Relaxed, Ordering::Relaxed, join);
        }
        if found { Ok(()) } else { Err(RepoError::MissingChunk { id: *id }.into()) }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
