//! Walks the manifests of all complete snapshots, each node once, level by level from the roots down.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use icecore_format::{
    entry::ChunkListRef,
    ids::{ChunkId, GroupId},
    limits::NODE_LEVEL_MAX,
    node::Child,
    path,
    seal::ObjectKind,
};

use crate::{
    error::CheckError,
    events::CheckPhase,
    forgotten::Missing,
    graph::{Expected, Graph, LeafRecord, NodeNumber, NodeState, Peculiarities, STAGES},
    inventory::Inventory,
    leaf::{ChunkFindings, Examined, Leaf, Summary},
    lineage::PackedLineage,
    parents::find_orphaned,
    reading::{BlockFailure, BlockPlace, BlockResult, place_all, portions, read_run, runs},
    report::ProblemKind,
    session::Session,
    snapshots::Snapshots,
    words::counted,
};

/// References that leave the group to which they are restricted.
#[derive(Debug, Default)]
struct Outside {
    chunks: u64,
    nodes: u64,
}

/// A walk in progress.
struct Walk<'a, 'session> {
    session: &'a Session<'session>,
    inventory: &'a Arc<Inventory>,
    graph: Graph,
    damaged_blocks: HashSet<BlockPlace>,
    /// Packs whose damage has been reported by this walk.
    reported_packs: HashSet<u32>,
    outside: BTreeMap<GroupId, Outside>,
    missing: Missing,
}

/// Reads and verifies the manifests of all complete snapshots; returns all nodes, the roots in the snapshots'
/// order, and what is missing: the caller reports it.
pub(crate) async fn walk_manifests(
    session: &Session<'_>,
    inventory: &Arc<Inventory>,
    snapshots: &Snapshots,
) -> Result<(Graph, Vec<NodeNumber>, Missing), CheckError> {
    session.phase_begins(CheckPhase::Manifests, None);
    let mut walk = Walk {
        session,
        inventory,
        graph: Graph::new(),
        damaged_blocks: HashSet::new(),
        reported_packs: HashSet::new(),
        outside: BTreeMap::new(),
        missing: Missing::default(),
    };
    let roots = snapshots.complete.iter().map(|snapshot| {
        let completion = &snapshot.completion;
        let (level, totals) = (completion.root_level, completion.totals);
        let expected = Expected::Manifest { level, totals, last_path: None };
        walk.graph.want(completion.root_node, expected, snapshot.scope.as_slice())
    });
    let roots: Vec<NodeNumber> = roots.collect();
    for stage in 0..STAGES {
        walk.read_stage(stage).await?;
    }
    walk.check_order();
    walk.check_parents(&roots);
    walk.report_outside();
    Ok((walk.graph, roots, walk.missing))
}

impl Walk<'_, '_> {
    /// Reads the nodes of a stage; if a block does not open, its nodes are read from another pack that holds
    /// them.
    async fn read_stage(&mut self, stage: usize) -> Result<(), CheckError> {
        let mut wanted = self.graph.stage(stage).to_vec();
        self.count_nodes_outside(&wanted);
        while !wanted.is_empty() {
            let (placed, unavailable) = place_all(self.inventory, &self.graph, &wanted, &self.damaged_blocks);
            wanted.clear();
            for number in unavailable {
                self.lose(number);
            }
            let (session, inventory) = (self.session, self.inventory);
            for portion in portions(&placed) {
                let runs = runs(inventory, &self.graph, portion);
                let reading = stream::iter(runs).map(|run| read_run(session, inventory, run));
                let mut reading = reading.buffer_unordered(session.concurrency());
                while let Some(results) = reading.try_next().await? {
                    for result in results {
                        self.take(result, &mut wanted);
                    }
                }
            }
        }
        Ok(())
    }

    /// Processes the result of a block; adds nodes that must be read from another pack to `again`.
    fn take(&mut self, result: BlockResult, again: &mut Vec<NodeNumber>) {
        match result.examined {
            Ok(examined) => {
                for (number, examined) in result.nodes.into_iter().zip(examined) {
                    self.take_node(number, examined);
                }
            }
            Err(failure) => {
                self.damaged_blocks.insert(result.place);
                self.report_block(result.place, &failure);
                again.extend(result.nodes);
            }
        }
    }

    fn report_block(&mut self, (pack, ordinal): BlockPlace, failure: &BlockFailure) {
        if !self.reported_packs.insert(pack) {
            return;
        }
        let key = self.inventory.packs[pack as usize].key();
        let (kind, detail) = match failure {
            BlockFailure::Absent => {
                let detail = "it was listed, but no longer exists".to_owned();
                return self.miss(ProblemKind::PackMissing, Some(key), detail);
            }
            BlockFailure::Unreadable(reason) => (ProblemKind::ObjectUnreadable, reason.clone()),
            BlockFailure::Damaged(error) => {
                (ProblemKind::BlocksDamaged, format!("at least block {ordinal} does not open: {error}"))
            }
        };
        self.session.report(kind, Some(&key), detail);
    }

    /// Notes what is missing: a removal of packs may have removed it meanwhile.
    fn miss(&mut self, kind: ProblemKind, object: Option<String>, detail: String) {
        self.missing.add(kind, object, detail);
    }

    /// Gives up a node without a readable copy.
    fn lose(&mut self, number: NodeNumber) {
        let packs = self.inventory.packs_of_node(&self.graph.node(number).id);
        if packs.is_empty() {
            let detail = format!("{} is not in any pack directory", self.describe(number));
            self.miss(ProblemKind::NodeMissing, None, detail);
        }
        self.graph.node_mut(number).state = NodeState::Lost(packs);
    }

    fn take_node(&mut self, number: NodeNumber, examined: Examined) {
        let state = match examined {
            Examined::Malformed(error) => {
                self.report_node(ProblemKind::NodeMalformed, number, &error.to_string());
                NodeState::Lost(Vec::new())
            }
            Examined::Inner(summary, children) if self.verify_summary(number, &summary) => {
                NodeState::Inner(self.want_children(number, children))
            }
            Examined::Leaf(summary, leaf) if self.verify_summary(number, &summary) => {
                NodeState::Leaf(self.take_leaf(number, *leaf))
            }
            Examined::Inner(..) | Examined::Leaf(..) => NodeState::Lost(Vec::new()),
            Examined::ListInner(nodes) => {
                let scopes = Arc::clone(&self.graph.node(number).scopes);
                let want = |list: ChunkListRef| self.graph.want(list.id, Expected::List(list), &scopes);
                NodeState::Inner(nodes.into_iter().map(want).collect())
            }
            Examined::ListLeaf(findings) => {
                self.take_chunks(&findings);
                NodeState::ListLeaf(Box::new(findings.damage))
            }
        };
        self.graph.node_mut(number).state = state;
    }

    /// Compares a manifest node with what its parent says about it; returns whether its content can be used.
    fn verify_summary(&mut self, number: NodeNumber, summary: &Summary) -> bool {
        let Expected::Manifest { level, totals, last_path } = self.graph.node(number).expected.clone() else {
            return false;
        };
        if summary.level != level {
            let detail = format!("its level is {} instead of the {level} in its parent", summary.level);
            self.report_node(ProblemKind::NodeLevelWrong, number, &detail);
            return false;
        }
        if summary.totals != totals {
            let (found, said) = (summary.totals, totals);
            let detail = format!(
                "it has {} entries, {} files and {} bytes instead of the {}, {} and {} in its parent",
                found.entries, found.files, found.bytes, said.entries, said.files, said.bytes
            );
            self.mark_wrong(ProblemKind::NodeTotalsWrong, number, &detail);
        }
        if last_path.is_some_and(|said| summary.last_path.as_deref() != Some(&said)) {
            self.mark_wrong(
                ProblemKind::NodePathWrong,
                number,
                "its last path differs from the one in its parent",
            );
        }
        true
    }

    fn want_children(&mut self, number: NodeNumber, children: Vec<Child>) -> Box<[NodeNumber]> {
        let node = self.graph.node(number);
        let scopes = Arc::clone(&node.scopes);
        // An inner node has a level above 0: leaves are decoded as such.
        let level = match node.expected {
            Expected::Manifest { level, .. } => level.min(NODE_LEVEL_MAX).saturating_sub(1),
            Expected::List(_) => 0,
        };
        let want = |Child { last_path, id, totals }| {
            let expected = Expected::Manifest { level, totals, last_path: Some(last_path.into()) };
            self.graph.want(id, expected, &scopes)
        };
        children.into_iter().map(want).collect()
    }

    fn take_leaf(&mut self, number: NodeNumber, mut leaf: Leaf) -> LeafRecord {
        self.take_chunks(&leaf.chunks);
        let scopes = Arc::clone(&self.graph.node(number).scopes);
        let want =
            |(list, path): (ChunkListRef, _)| (self.graph.want(list.id, Expected::List(list), &scopes), path);
        let lists = std::mem::take(&mut leaf.lists).into_iter().map(want).collect();
        let Leaf { links, damage, lineage, orphaned, .. } = leaf;
        let peculiar = Peculiarities { lists, links, damage, orphaned };
        let peculiar = (peculiar != Peculiarities::default()).then(|| Box::new(peculiar));
        LeafRecord { lineage: lineage.as_ref().map(PackedLineage::new), peculiar }
    }

    fn take_chunks(&mut self, findings: &ChunkFindings) {
        for trouble in &findings.troubles {
            let owner = match &trouble.path {
                Some(path) => format!("file {}", printable(path)),
                None => "a long file".to_owned(),
            };
            let (id, length) = (trouble.id, trouble.length);
            if let Some(found) = trouble.found {
                let detail = format!("chunk {id} has {found} bytes, but {owner} needs {length}");
                self.session.report(ProblemKind::ChunkLengthWrong, None, detail);
            } else {
                let detail = format!("chunk {id}, which {owner} needs, is not in any pack directory");
                self.miss(ProblemKind::ChunkMissing, None, detail);
            }
        }
        for (group, count) in &findings.outside {
            self.outside.entry(*group).or_default().chunks += count;
        }
    }

    fn count_nodes_outside(&mut self, numbers: &[NodeNumber]) {
        for &number in numbers {
            let node = self.graph.node(number);
            for &scope in node.scopes.iter() {
                if !self.inventory.is_in_group(ObjectKind::Manifest, &node.id, scope) {
                    self.outside.entry(scope).or_default().nodes += 1;
                }
            }
        }
    }

    /// Checks that paths rise from each child of a node to the next; inside a leaf, the format has checked
    /// this.
    fn check_order(&mut self) {
        let mut wrong = Vec::new();
        for stage in 0..STAGES / 2 {
            for &number in self.graph.stage(stage) {
                if let NodeState::Inner(children) = &self.graph.node(number).state
                    && !children.windows(2).all(|pair| self.is_before(pair[0], pair[1]))
                {
                    wrong.push(number);
                }
            }
        }
        for number in wrong {
            self.mark_wrong(ProblemKind::NodeOrderWrong, number, "the paths of its children overlap");
        }
    }

    /// Checks that entries are in directories.
    fn check_parents(&mut self, roots: &[NodeNumber]) {
        for (number, path) in find_orphaned(&self.graph, STAGES / 2, roots) {
            let detail = format!("entries are below {}, which is not a directory", printable(&path));
            self.mark_wrong(ProblemKind::ParentWrong, number, &detail);
        }
    }

    /// Returns whether everything below one manifest node comes before everything below the other, as far as
    /// it was read.
    fn is_before(&self, left: NodeNumber, right: NodeNumber) -> bool {
        let Expected::Manifest { last_path: Some(last), .. } = &self.graph.node(left).expected else {
            return true;
        };
        self.graph.first_path(right).is_none_or(|first| path::compare(last, &first).is_lt())
    }

    fn report_outside(&self) {
        for (group, Outside { chunks, nodes }) in &self.outside {
            let detail = format!(
                "snapshots of group {group} should use only packs of that group, but {chunks} references to chunks \
                 and {nodes} manifest nodes are only in packs of other groups"
            );
            self.session.report(ProblemKind::OutsideGroup, None, detail);
        }
    }

    fn mark_wrong(&mut self, kind: ProblemKind, number: NodeNumber, reason: &str) {
        self.report_node(kind, number, reason);
        self.graph.node_mut(number).is_wrong = true;
    }

    fn report_node(&self, kind: ProblemKind, number: NodeNumber, reason: &str) {
        let id: ChunkId = self.graph.node(number).id;
        let pack =
            self.inventory.packs_of_node(&id).first().map(|&pack| self.inventory.packs[pack as usize].key());
        self.session.report(kind, pack.as_deref(), format!("{}: {reason}", self.describe(number)));
    }

    fn describe(&self, number: NodeNumber) -> String {
        let node = self.graph.node(number);
        match &node.expected {
            Expected::Manifest { level, totals, last_path: Some(last) } => {
                let (id, files, last) = (node.id, counted(totals.files, "file"), printable(last));
                format!("manifest node {id} of level {level} with {files} up to {last}")
            }
            Expected::Manifest { level, totals, last_path: None } => {
                format!("manifest root {} of level {level} with {}", node.id, counted(totals.files, "file"))
            }
            Expected::List(list) => {
                let chunks = counted(list.chunks, "chunk");
                format!("chunk-list node {} of level {} with {chunks}", node.id, list.level)
            }
        }
    }
}

/// Makes a path printable: quoted, with escapes for bytes that are not text.
fn printable(path: &[u8]) -> String {
    format!("\"{}\"", path.escape_ascii())
}
