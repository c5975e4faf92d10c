//! From damaged packs and nodes to the files and snapshots that they hit.

use std::{collections::HashMap, sync::Arc};

use crate::{
    graph::{Expected, Found, Graph, NodeNumber, STAGES},
    inventory::Inventory,
    report::{EXAMPLES_MAX, SnapshotCheck},
    snapshots::Snapshots,
};

/// What cannot be restored of everything below a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Damage {
    /// Number of files.
    pub(crate) files: u64,
    /// Paths of the first of them.
    pub(crate) examples: Vec<Arc<[u8]>>,
    /// Numbers of the damaged packs, as far as they are the reason; sorted, and only the first.
    pub(crate) packs: Vec<u32>,
    /// Whether anything else is wrong, so that the snapshot is not what was backed up.
    pub(crate) is_broken: bool,
}

impl Damage {
    /// Says whether nothing is damaged.
    pub(crate) fn is_none(&self) -> bool {
        self.files == 0 && !self.is_broken
    }

    /// Adds a damaged file.
    pub(crate) fn add_file(&mut self, path: Arc<[u8]>) {
        self.files = self.files.saturating_add(1);
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(path);
        }
    }

    /// Adds damaged packs.
    pub(crate) fn add_packs(&mut self, packs: &[u32]) {
        for pack in packs {
            if let Err(place) = self.packs.binary_search(pack)
                && place < EXAMPLES_MAX
            {
                self.packs.insert(place, *pack);
                self.packs.truncate(EXAMPLES_MAX);
            }
        }
    }

    /// Adds the damage below another node, which follows in the order of paths.
    fn add(&mut self, other: &Self) {
        self.files = self.files.saturating_add(other.files);
        let room = EXAMPLES_MAX.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.iter().take(room).cloned());
        self.add_packs(&other.packs);
        self.is_broken |= other.is_broken;
    }
}

/// Returns the damage of all nodes below which there is any.
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
    match &node.found {
        Found::Unread => sum.is_broken = true,
        Found::Lost(packs) => {
            sum.is_broken = true;
            sum.add_packs(packs);
            if let Expected::Manifest { totals, .. } = &node.expected {
                sum.files = totals.files;
            }
        }
        Found::Inner(children) => {
            children.iter().filter_map(|child| below.get(child)).for_each(|part| sum.add(part));
        }
        Found::Leaf(leaf) => {
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
        Found::ListLeaf(damage) => sum = Damage::clone(damage),
    }
    sum.is_broken |= node.is_wrong;
    sum
}

/// Says of each snapshot what can be restored; `roots` are the root nodes of the complete ones, in their order.
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
