//! Finds the files and snapshots that damaged packs and nodes affect.

use std::{collections::HashMap, sync::Arc};

use crate::{
    damage::Damage,
    graph::{Expected, Graph, NodeNumber, NodeState, STAGES},
    inventory::Inventory,
    report::SnapshotCheck,
    snapshots::Snapshots,
};

/// Returns the damage of all nodes that have any below them.
pub(crate) fn damage_by_node(graph: &Graph) -> HashMap<NodeNumber, Damage> {
    let mut damage = HashMap::new();
    // Children are in later stages than their parents.
    for stage in (0..STAGES).rev() {
        for &number in graph.stage(stage) {
            let sum = damage_of(graph, number, &damage);
            if !sum.is_none() {
                damage.insert(number, sum);
            }
        }
    }
    damage
}

fn damage_of(graph: &Graph, number: NodeNumber, below: &HashMap<NodeNumber, Damage>) -> Damage {
    let node = graph.node(number);
    let mut sum = Damage::default();
    match &node.state {
        NodeState::Unread => sum.is_broken = true,
        NodeState::Lost(packs) => {
            sum.is_broken = true;
            sum.add_packs(packs);
            if let Expected::Manifest { totals, .. } = &node.expected {
                sum.files = totals.files;
            }
        }
        NodeState::Inner(children) => {
            children.iter().filter_map(|child| below.get(child)).for_each(|part| sum.add(part));
        }
        NodeState::Leaf(leaf) => {
            if let Some(peculiar) = &leaf.peculiar {
                sum = peculiar.damage.clone();
                for (list, path) in &peculiar.lists {
                    if let Some(part) = below.get(list) {
                        sum.add_file(Arc::clone(path));
                        sum.add_packs(&part.packs);
                    }
                }
            }
        }
        NodeState::ListLeaf(damage) => sum = Damage::clone(damage),
    }
    sum.is_broken |= node.is_wrong;
    sum
}

/// Decides for each snapshot what can be restored; `roots` are the root nodes of the complete snapshots, in
/// their order.
pub(crate) fn judge(
    graph: &Graph,
    inventory: &Inventory,
    snapshots: &Snapshots,
    roots: &[NodeNumber],
) -> Vec<SnapshotCheck> {
    let damage = damage_by_node(graph);
    let complete = snapshots.complete.iter().zip(roots).map(|(snapshot, root)| {
        let hit = damage.get(root).cloned().unwrap_or_default();
        let mut packs: Vec<_> =
            hit.packs.iter().map(|&number| inventory.packs[number as usize].name).collect();
        packs.sort_unstable();
        packs.dedup();
        SnapshotCheck {
            run: snapshot.run,
            opens: true,
            restorable: hit.is_none(),
            files_damaged: hit.files,
            examples: hit.examples.iter().map(|path| path.to_vec()).collect(),
            packs_damaged: packs,
            mark: snapshot.completion.damage,
        }
    });
    let damaged = snapshots.damaged.iter().map(|&run| SnapshotCheck {
        run,
        opens: false,
        restorable: false,
        files_damaged: 0,
        examples: Vec::new(),
        packs_damaged: Vec::new(),
        mark: None,
    });
    let mut checks: Vec<_> = complete.chain(damaged).collect();
    checks.sort_unstable_by_key(|check| check.run);
    checks
}
