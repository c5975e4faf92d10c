//! The nodes of all manifests and chunk lists, each once, with what the check needs to remember of them.

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

/// Groups, sorted; shared by all nodes that have the same.
pub(crate) type Scopes = Arc<[GroupId]>;

/// Number of a node in the graph.
pub(crate) type NodeNumber = u32;

/// What those who refer to a node say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// A manifest node.
    Manifest {
        /// Height above the leaves.
        level: u8,
        /// Totals of everything below.
        totals: Totals,
        /// Last path below; none for a root, of which nobody says it.
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

    /// Names the node together with what is said of it: whoever says the same shares one node, and what one
    /// parent says wrongly does not harm the others.
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

/// What was found out about a node.
#[derive(Debug)]
pub(crate) enum NodeState {
    /// It has not been read yet.
    Unread,
    /// It cannot be read, or is not what it must be; the packs with these numbers hold it.
    Lost(Vec<u32>),
    /// An inner node, of a manifest or a chunk list.
    Inner(Box<[NodeNumber]>),
    /// A leaf of a manifest.
    Leaf(LeafRecord),
    /// A leaf of a chunk list, with what is damaged among its chunks.
    ListLeaf(Box<Damage>),
}

/// What is remembered of a manifest leaf. There are very many.
#[derive(Debug, Default)]
pub(crate) struct LeafRecord {
    /// What the entries say of the directories around them; none of an empty leaf.
    pub(crate) lineage: Option<PackedLineage>,
    /// What few leaves have.
    pub(crate) peculiar: Option<Box<Peculiarities>>,
}

/// What few leaves have.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Peculiarities {
    /// Files with a chunk list: the root of the list, and the path.
    pub(crate) lists: Vec<(NodeNumber, Arc<[u8]>)>,
    /// Entries that are one of several hard links.
    pub(crate) links: Vec<LinkMember>,
    /// Files whose inline chunks are damaged.
    pub(crate) damage: Damage,
    /// A path that entries lie below, and that is no directory, whatever is in other leaves.
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
    /// What its parents say of it.
    pub(crate) expected: Expected,
    /// Groups that everything below must belong to, because snapshots refer to it that are restricted to one.
    pub(crate) scopes: Scopes,
    /// Whether the node opens, but what it says is wrong: snapshots with it cannot be trusted.
    pub(crate) is_wrong: bool,
    /// What was found out.
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

    /// Returns the number of the node with this id of which this is said; it is added if it is new.
    ///
    /// All who refer to a node are in earlier stages, so `scopes` are complete when the node's stage begins.
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

    /// Returns groups as they are kept.
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

    /// Returns a node to be changed.
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

    /// Returns the first path below a manifest node; none if the way to it is lost or the leaf is empty.
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
