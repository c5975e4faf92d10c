//! Verifies that hard links to one file agree with each other.

use std::{collections::HashSet, sync::Arc};

use futures_util::{StreamExt, TryStreamExt, stream};
use icecore_format::{ids::RunId, layout};

use crate::{
    error::CheckError,
    graph::{Graph, NodeNumber, NodeState, STAGES},
    report::ProblemKind,
    session::Session,
    snapshots::Snapshots,
};

/// Groups of links with the same kind of difference, in one snapshot.
#[derive(Debug, PartialEq, Eq)]
struct Differences {
    kind: ProblemKind,
    groups: u64,
    /// Device and inode of the first.
    first: (u32, u64),
}

/// Reports hard links that differ within a snapshot; `roots` are the root nodes of the complete snapshots, in
/// their order.
pub(crate) async fn check_links(
    session: &Session<'_>,
    graph: &Arc<Graph>,
    snapshots: &Snapshots,
    roots: &[NodeNumber],
) -> Result<(), CheckError> {
    let runs: Vec<_> =
        snapshots.complete.iter().map(|snapshot| snapshot.run).zip(roots.iter().copied()).collect();
    let all = Arc::clone(graph);
    let (linked, different) = session.compute(move || choose_snapshots(&all, runs)).await?;
    let linked = Arc::new(linked);
    let checks = stream::iter(different).map(|(run, root)| {
        let (graph, linked) = (Arc::clone(graph), Arc::clone(&linked));
        async move {
            session.fail_if_cancelled()?;
            let compare = move || compare_links(&graph, &leaves_with_links(&graph, &linked, root));
            Ok::<_, CheckError>((run, session.compute(compare).await?))
        }
    });
    let mut checks = checks.buffered(session.concurrency().min(8));
    while let Some((run, differences)) = checks.try_next().await? {
        for Differences { kind, groups, first: (device, inode) } in differences {
            let what = if kind == ProblemKind::LinkKindsDiffer { "are of different kinds" } else { "differ" };
            let detail = format!(
                "hard links to the same file {what} in {groups} cases; the first is inode {inode} of device {device}"
            );
            session.report(kind, Some(&layout::snapshot_key(run)), detail);
        }
    }
    Ok(())
}

/// Returns for each node whether there are links below it, and chooses the snapshots to look at: only one of
/// those with exactly the same leaves with links, the first.
fn choose_snapshots(
    graph: &Graph,
    mut snapshots: Vec<(RunId, NodeNumber)>,
) -> (Vec<bool>, Vec<(RunId, NodeNumber)>) {
    let linked = nodes_with_links(graph);
    let mut seen = HashSet::new();
    snapshots.retain(|&(_, root)| {
        let leaves = leaves_with_links(graph, &linked, root);
        !leaves.is_empty() && seen.insert(fingerprint(&leaves))
    });
    (linked, snapshots)
}

/// Returns for each node whether there are links below it.
fn nodes_with_links(graph: &Graph) -> Vec<bool> {
    let mut linked = vec![false; graph.len()];
    for stage in (0..STAGES).rev() {
        for &number in graph.stage(stage) {
            linked[number as usize] = match &graph.node(number).state {
                NodeState::Leaf(leaf) => !leaf.links().is_empty(),
                NodeState::Inner(children) => children.iter().any(|child| linked[*child as usize]),
                _ => false,
            };
        }
    }
    linked
}

fn leaves_with_links(graph: &Graph, linked: &[bool], root: NodeNumber) -> Vec<NodeNumber> {
    let mut leaves = Vec::new();
    let mut stack = vec![root];
    while let Some(number) = stack.pop() {
        if !linked[number as usize] {
            continue;
        }
        match &graph.node(number).state {
            NodeState::Leaf(_) => leaves.push(number),
            NodeState::Inner(children) => stack.extend(children.iter().rev()),
            _ => {}
        }
    }
    leaves
}

fn fingerprint(leaves: &[NodeNumber]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for leaf in leaves {
        hasher.update(&leaf.to_le_bytes());
    }
    *hasher.finalize().as_bytes()
}

fn compare_links(graph: &Graph, leaves: &[NodeNumber]) -> Vec<Differences> {
    let mut members = Vec::new();
    for &number in leaves {
        if let NodeState::Leaf(leaf) = &graph.node(number).state {
            members.extend_from_slice(leaf.links());
        }
    }
    members.sort_unstable();
    let mut differences: Vec<Differences> = Vec::new();
    for group in members.chunk_by(|left, right| (left.device, left.inode) == (right.device, right.inode)) {
        if let (Some(first), Some(last)) = (group.first(), group.last())
            && (first.kind, first.content) != (last.kind, last.content)
        {
            let kinds_differ = first.kind != last.kind;
            let kind = if kinds_differ { ProblemKind::LinkKindsDiffer } else { ProblemKind::LinksDiffer };
            match differences.iter_mut().find(|differences| differences.kind == kind) {
                Some(differences) => differences.groups += 1,
                None => {
                    differences.push(Differences { kind, groups: 1, first: (first.device, first.inode) });
                }
            }
        }
    }
    differences
}
