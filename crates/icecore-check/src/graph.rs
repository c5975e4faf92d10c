//! The nodes of all manifests and chunk lists, each once, with everything that the check needs to remember
//! about them.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use icecore_format::{
    entry::ChunkListRef,
    ids::{ChunkId, GroupId},
    limits::NODE_LEVEL_MAX,
    node::Totals,
};

use crate::{
    damage::Damage,
    lineage::{Orphaned, PackedLineage},
    link_member::LinkMember,
};

/// Number of levels of a tree.
const LEVELS: usize = NODE_LEVEL_MAX as usize + 1;
/// Number of stages: all levels of manifests, then all levels of chunk lists, each from the roots down.
pub(crate) const STAGES: usize = LEVELS * 2;

/// Groups, sorted; shared by all nodes with the same groups.
pub(crate) type Scopes = Arc<[GroupId]>;

/// Number of a node in the graph.
pub(crate) type NodeNumber = u32;

/// What the references to a node say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// A manifest node.
    Manifest {
        /// Height above the leaves.
        level: u8,
        /// Totals of everything below.
        totals: Totals,
        /// Last path below; none for a root, because no parent states it.
        last_path: Option<Box<[u8]>>,
    },
    /// A node of a chunk list.
    List(ChunkListRef),
}

impl Expected {
    fn stage(&self) -> usize {
        match self {
            Self::Manifest { level, .. } => LEVELS - 1 - usize::from((*level).min(NODE_LEVEL_MAX)),
            Self::List(list) => LEVELS * 2 - 1 - usize::from(list.level.min(NODE_LEVEL_MAX)),
        }
    }

    /// Returns a name for the node together with its expected properties. References with equal expectations
    /// share one node, so a parent with wrong expectations does not affect the others.
    fn name(&self, id: &ChunkId) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new();
        let (tag, level, numbers, path) = match self {
            Self::Manifest { level, totals: Totals { entries, files, bytes }, last_path } => {
                let path = last_path.as_deref().unwrap_or_default();
                (u8::from(last_path.is_some()), *level, [*entries, *files, *bytes], path)
            }
            Self::List(list) => (2, list.level, [list.chunks, list.bytes, 0], &[][..]),
        };
        hasher.update(&[tag, level]).update(&id.0);
        for number in numbers {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(path);
        let mut name = [0; 16];
        name.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        name
    }
}

/// Result of reading a node.
#[derive(Debug)]
pub(crate) enum NodeState {
    /// It has not been read yet.
    Unread,
    /// It cannot be read, or does not match its reference; the packs with these numbers hold it.
    Lost(Vec<u32>),
    /// An inner node, of a manifest or a chunk list.
    Inner(Box<[NodeNumber]>),
    /// A leaf of a manifest.
    Leaf(LeafRecord),
    /// A leaf of a chunk list, with the damage among its chunks.
    ListLeaf(Box<Damage>),
}

/// What is remembered about a manifest leaf. There are very many.
#[derive(Debug, Default)]
pub(crate) struct LeafRecord {
    /// Ancestors that the entries need and provide; none for an empty leaf.
    pub(crate) lineage: Option<PackedLineage>,
    /// Properties that only few leaves have.
    pub(crate) peculiar: Option<Box<Peculiarities>>,
}

/// Properties that only few leaves have.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Peculiarities {
    /// Files with a chunk list: the root of the list, and the path.
    pub(crate) lists: Vec<(NodeNumber, Arc<[u8]>)>,
    /// Entries that are one of several hard links.
    pub(crate) links: Vec<LinkMember>,
    /// Files whose inline chunks are damaged.
    pub(crate) damage: Damage,
    /// A path that has entries below it but is not a directory, whatever is in other leaves.
    pub(crate) orphaned: Option<Orphaned>,
}

impl LeafRecord {
    /// Returns the entries that are one of several hard links.
    pub(crate) fn links(&self) -> &[LinkMember] {
        self.peculiar.as_ref().map_or(&[], |peculiar| &peculiar.links)
    }
}

/// A node.
#[derive(Debug)]
pub(crate) struct GraphNode {
    /// Id.
    pub(crate) id: ChunkId,
    /// What its parents say about it.
    pub(crate) expected: Expected,
    /// Groups that everything below must belong to, because snapshots that refer to it are restricted to
    /// them.
    pub(crate) scopes: Scopes,
    /// Whether the node opens but has wrong content: snapshots with it cannot be trusted.
    pub(crate) is_wrong: bool,
    /// Result of reading it.
    pub(crate) state: NodeState,
}

/// All nodes.
#[derive(Debug)]
pub(crate) struct Graph {
    nodes: Vec<GraphNode>,
    numbers: HashMap<[u8; 16], NodeNumber>,
    stages: Vec<Vec<NodeNumber>>,
    scopes: HashSet<Scopes>,
}

impl Graph {
    /// Makes a graph without nodes.
    pub(crate) fn new() -> Self {
        Self {
            nodes: Vec::new(),
            numbers: HashMap::new(),
            stages: vec![Vec::new(); STAGES],
            scopes: HashSet::new(),
        }
    }

    /// Returns the number of the node with this id and these expected properties; adds it if it is new.
    ///
    /// All references to a node are in earlier stages, so `scopes` are complete when the node's stage begins.
    pub(crate) fn want(&mut self, id: ChunkId, expected: Expected, scopes: &[GroupId]) -> NodeNumber {
        let name = expected.name(&id);
        if let Some(&number) = self.numbers.get(&name) {
            let known = &self.nodes[number as usize].scopes;
            if !scopes.iter().all(|scope| known.contains(scope)) {
                let both = self.share_scopes(&[known, scopes].concat());
                self.nodes[number as usize].scopes = both;
            }
            return number;
        }
        let number = self.nodes.len() as NodeNumber;
        self.stages[expected.stage()].push(number);
        let scopes = self.share_scopes(scopes);
        self.nodes.push(GraphNode { id, expected, scopes, is_wrong: false, state: NodeState::Unread });
        self.numbers.insert(name, number);
        number
    }

    /// Returns groups in their shared form.
    fn share_scopes(&mut self, scopes: &[GroupId]) -> Scopes {
        let mut scopes = scopes.to_vec();
        scopes.sort_unstable();
        scopes.dedup();
        if let Some(shared) = self.scopes.get(scopes.as_slice()) {
            return Arc::clone(shared);
        }
        let shared = Scopes::from(scopes);
        self.scopes.insert(Arc::clone(&shared));
        shared
    }

    /// Returns the nodes of a stage.
    pub(crate) fn stage(&self, stage: usize) -> &[NodeNumber] {
        &self.stages[stage]
    }

    /// Returns a node.
    pub(crate) fn node(&self, number: NodeNumber) -> &GraphNode {
        &self.nodes[number as usize]
    }

    /// Returns a node for changing it.
    pub(crate) fn node_mut(&mut self, number: NodeNumber) -> &mut GraphNode {
        &mut self.nodes[number as usize]
    }

    /// Returns the number of nodes.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns the number of nodes that were read.
    pub(crate) fn read_count(&self) -> u64 {
        let read = |node: &&GraphNode| !matches!(node.state, NodeState::Unread | NodeState::Lost(_));
        self.nodes.iter().filter(read).count() as u64
    }

    /// Returns the first path below a manifest node; none if a node on the way is lost or the leaf is empty.
    pub(crate) fn first_path(&self, number: NodeNumber) -> Option<Arc<[u8]>> {
        let mut number = number;
        loop {
            match &self.node(number).state {
                NodeState::Inner(children) => number = *children.first()?,
                NodeState::Leaf(leaf) => return Some(leaf.lineage.as_ref()?.unpack().first),
                NodeState::Unread | NodeState::Lost(_) | NodeState::ListLeaf(_) => return None,
            }
        }
    }
}
