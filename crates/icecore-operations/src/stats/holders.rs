//! Who owns what: the selected snapshots below their sources and hosts, all others together.

use std::collections::{BTreeMap, HashMap};

use icecore_format::{ids::RunId, snapshot::Snapshot};
use icecore_prune::{ChunkShares, HeldChunks, Owner, OwnerTree, PackSet, PackSums, PackTable};

use super::report::{HolderUse, SelectionUse, SnapshotUse};

/// Snapshots of a source of a host, the newest last.
struct Holder<'a> {
    owner: Owner,
    snapshots: Vec<&'a Snapshot>,
}

/// The owners of a repository.
pub(super) struct Holders<'a> {
    pub tree: OwnerTree,
    /// The owner of each complete snapshot.
    pub owners: HashMap<RunId, Owner>,
    /// All snapshots that are not selected.
    others: Owner,
    /// All snapshots that are selected.
    selected: Owner,
    hosts: BTreeMap<&'a str, Holder<'a>>,
    sources: BTreeMap<(&'a str, &'a str), Holder<'a>>,
}

/// What was found out about the owners.
pub(super) struct Found<'a> {
    pub packs: &'a PackTable,
    /// The packs that each snapshot needs.
    pub needed: HashMap<RunId, &'a PackSet>,
    /// For each owner the packs that it needs alone.
    pub packs_alone: &'a [PackSums],
    pub chunks: &'a ChunkShares,
}

impl<'a> Holders<'a> {
    /// Makes the owners of complete snapshots, those of each source in order; `is_selected` says which are
    /// selected.
    pub fn new(snapshots: &[&'a Snapshot], is_selected: impl Fn(RunId) -> bool) -> Self {
        let mut tree = OwnerTree::default();
        let others = tree.add(Owner::EVERYBODY);
        let selected = tree.add(Owner::EVERYBODY);
        let (hosts, sources, owners) = (BTreeMap::new(), BTreeMap::new(), HashMap::new());
        let mut holders = Self { tree, owners, others, selected, hosts, sources };
        for snapshot in snapshots {
            let run = snapshot.origin.run;
            let owner = if is_selected(run) { holders.add(snapshot) } else { others };
            holders.owners.insert(run, owner);
        }
        holders
    }

    fn add(&mut self, snapshot: &'a Snapshot) -> Owner {
        let (host, source) = (snapshot.origin.host.as_str(), snapshot.origin.source.as_str());
        let tree = &mut self.tree;
        let empty = |owner| Holder { owner, snapshots: Vec::new() };
        let of_host = self.hosts.entry(host).or_insert_with(|| empty(tree.add(self.selected)));
        let of_source = self.sources.entry((host, source)).or_insert_with(|| empty(tree.add(of_host.owner)));
        of_host.snapshots.push(snapshot);
        of_source.snapshots.push(snapshot);
        tree.add(of_source.owner)
    }

    /// Returns the chunks that the selected snapshots refer to.
    pub fn content(&self, chunks: &ChunkShares) -> HeldChunks {
        let [all, others] = [Owner::EVERYBODY, self.others].map(|owner| chunks.alone[owner.index()]);
        all.without(others)
    }

    /// Returns what all selected snapshots hold together.
    pub fn selected(&self, found: &Found<'_>) -> SelectionUse {
        found.of(self.selected, self.hosts.values().flat_map(|host| host.snapshots.iter().copied()))
    }

    /// Returns what the selected snapshots of each host hold.
    pub fn by_host(&self, found: &Found<'_>) -> Vec<HolderUse> {
        let row = |(host, holder): (&&str, &Holder<'a>)| {
            let of_host = self.sources.iter().filter(|((of_host, _), _)| of_host == host);
            let newest = of_host.filter_map(|(_, source)| source.snapshots.last());
            HolderUse {
                host: (*host).to_owned(),
                source: None,
                bytes_newest: newest.map(|snapshot| bytes(snapshot)).fold(0, u64::saturating_add),
                held: found.of(holder.owner, holder.snapshots.iter().copied()),
            }
        };
        self.hosts.iter().map(row).collect()
    }

    /// Returns what the selected snapshots of each source hold.
    pub fn by_source(&self, found: &Found<'_>) -> Vec<HolderUse> {
        let row = |((host, source), holder): (&(&str, &str), &Holder<'a>)| HolderUse {
            host: (*host).to_owned(),
            source: Some((*source).to_owned()),
            bytes_newest: holder.snapshots.last().map_or(0, |snapshot| bytes(snapshot)),
            held: found.of(holder.owner, holder.snapshots.iter().copied()),
        };
        self.sources.iter().map(row).collect()
    }

    /// Returns what each selected snapshot holds, by host and source, the oldest first.
    pub fn by_snapshot(&self, found: &Found<'_>) -> Vec<SnapshotUse> {
        let snapshots = self.sources.values().flat_map(|source| source.snapshots.iter().copied());
        let row = |snapshot: &Snapshot| {
            let owner = self.owners.get(&snapshot.origin.run).copied().unwrap_or(self.others);
            SnapshotUse { snapshot: snapshot.clone(), held: found.of(owner, [snapshot]) }
        };
        snapshots.map(row).collect()
    }
}

impl Found<'_> {
    fn of<'s>(&self, owner: Owner, snapshots: impl IntoIterator<Item = &'s Snapshot>) -> SelectionUse {
        let mut held = SelectionUse {
            alone: self.chunks.alone[owner.index()],
            freed: self.packs_alone[owner.index()],
            ..SelectionUse::default()
        };
        let mut is_needed = vec![false; self.packs.len()];
        for snapshot in snapshots {
            held.snapshots += 1;
            held.bytes = held.bytes.saturating_add(bytes(snapshot));
            let packs = self.needed.get(&snapshot.origin.run).into_iter().flat_map(|packs| packs.iter());
            packs.for_each(|number| is_needed[number as usize] = true);
        }
        let needed = (0..).zip(&is_needed).filter_map(|(number, is_needed)| is_needed.then_some(number));
        held.needed = PackSums::of(self.packs, needed);
        held
    }
}

fn bytes(snapshot: &Snapshot) -> u64 {
    snapshot.completion().map_or(0, |completion| completion.totals.bytes)
}
