//! Verifies that every entry is in a directory of its snapshot. Only leaves are examined entry by entry; a
//! node keeps what its neighbours need to know.

use std::{borrow::Cow, collections::HashMap};

use crate::{
    graph::{Graph, NodeNumber, NodeState},
    lineage::{Lineage, Orphaned},
};

/// Returns the manifest nodes that have entries below them which are in no directory, each with the path that
/// is not a directory. Unreadable nodes and their surroundings are not judged: they are already damage.
pub(crate) fn find_orphaned(
    graph: &Graph,
    stages: usize,
    roots: &[NodeNumber],
) -> Vec<(NodeNumber, Orphaned)> {
    let mut found = Vec::new();
    let mut joined = HashMap::<NodeNumber, Lineage>::new();
    // Children are in later stages than their parents.
    for stage in (0..stages).rev() {
        for &number in graph.stage(stage) {
            match &graph.node(number).state {
                NodeState::Leaf(leaf) => {
                    let orphaned = leaf.peculiar.as_ref().and_then(|peculiar| peculiar.orphaned.clone());
                    found.extend(orphaned.map(|orphaned| (number, orphaned)));
                }
                NodeState::Inner(children) => {
                    let (lineage, orphaned) = join_all(graph, &joined, children);
                    found.extend(orphaned.map(|orphaned| (number, orphaned)));
                    joined.extend(lineage.map(|lineage| (number, lineage)));
                }
                _ => {}
            }
        }
    }
    let mut roots = roots.to_vec();
    roots.sort_unstable();
    roots.dedup();
    for root in roots {
        let orphaned = lineage_of(graph, &joined, root).and_then(|lineage| lineage.of_root());
        found.extend(orphaned.map(|orphaned| (root, orphaned)));
    }
    found
}

/// Returns the lineage of a leaf, or that of an inner node if it has been joined.
fn lineage_of<'a>(
    graph: &Graph,
    joined: &'a HashMap<NodeNumber, Lineage>,
    number: NodeNumber,
) -> Option<Cow<'a, Lineage>> {
    match &graph.node(number).state {
        NodeState::Leaf(leaf) => leaf.lineage.as_ref().map(|lineage| Cow::Owned(lineage.unpack())),
        _ => joined.get(&number).map(Cow::Borrowed),
    }
}

fn join_all(
    graph: &Graph,
    below: &HashMap<NodeNumber, Lineage>,
    children: &[NodeNumber],
) -> (Option<Lineage>, Option<Orphaned>) {
    let (mut joined, mut found) = (None::<Lineage>, None);
    for &child in children {
        let Some(right) = lineage_of(graph, below, child) else { return (None, found) };
        joined = Some(match joined {
            None => right.into_owned(),
            Some(left) => {
                let (both, orphaned) = left.join(&right);
                found = found.or(orphaned);
                both
            }
        });
    }
    (joined, found)
}
