//! Reads all manifests, and finds out who holds what.

use std::collections::HashSet;

use icecore_access::{AccessMode, OpenRepository, RepositoryAccess};
use icecore_format::{
    ids::RunId,
    snapshot::{Snapshot, SnapshotState},
};
use icecore_prune::{
    ChunkShares, NeededPacks, Owner, PackSums, PackTable, chunk_shares, mark, pack_owners, packs_alone,
};
use icecore_repo::snapshots::SnapshotList;
use icecore_witness::WitnessSettings;

use super::{
    StatsDamage, StatsReport, StatsRequest, UnusedPacks,
    growth::by_month,
    holders::{Found, Holders},
    inventory::Inventory,
};
use crate::{error::OperationResult, look::Look};

/// Finds out what a repository holds, and what the selected snapshots hold alone. Writes nothing.
pub fn run(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    request: &StatsRequest,
) -> OperationResult<StatsReport> {
    let mut open = access.open(AccessMode::Read)?;
    let look = Look::begin(access, witness, &mut open, request.ignores_rollback)?;
    let selected = select(&look, request)?;
    let (ending, list) = (look.ending(), look.into_list());
    let OpenRepository { repository, mut catalog, usage, .. } = open;
    let Inventory { objects, packs, mut damage } = Inventory::read(&repository, &mut catalog)?;
    damage.extend(list.damaged.iter().map(|(key, error)| StatsDamage::new(key, error)));

    let snapshots: Vec<&Snapshot> = list.complete(None).collect();
    let holders = Holders::new(&snapshots, |run| selected.contains(&run));
    let needed = mark(&repository, &mut catalog, &packs, &snapshots)?;
    let of_packs = pack_owners(&holders.tree, |run| holders.owners.get(&run).copied(), &needed, &packs);
    let owned: Vec<(&Snapshot, Owner)> =
        snapshots.iter().map(|snapshot| (*snapshot, holders.owners[&snapshot.origin.run])).collect();
    let owners = (&holders.tree, of_packs.as_slice());
    let chunks = chunk_shares(&repository, &mut catalog, &packs, owners, &owned)?;
    damage.extend(unreadable(&needed, &chunks));

    let packs_alone = packs_alone(&holders.tree, &of_packs, &packs);
    let needed = needed.needed.iter().map(|(run, packs)| (*run, packs)).collect();
    let found = Found { packs: &packs, needed, packs_alone: &packs_alone, chunks: &chunks };
    let runs = request.is_filtered().then_some(&selected);
    let growing = snapshots.iter().copied().filter(|snapshot| selected.contains(&snapshot.origin.run));
    Ok(StatsReport {
        objects,
        content: holders.content(&chunks).data,
        selected: holders.selected(&found),
        by_host: holders.by_host(&found),
        by_source: holders.by_source(&found),
        by_snapshot: request.by_snapshot.then(|| holders.by_snapshot(&found)),
        by_month: by_month(growing, &packs, runs, &access.machine.zone),
        unused: unused(&list, &packs, &of_packs, &chunks),
        damage,
        ending,
        usage,
    })
}

/// Returns the runs of the selected snapshots.
fn select(look: &Look, request: &StatsRequest) -> OperationResult<HashSet<RunId>> {
    let mut named = HashSet::new();
    for reference in &request.references {
        let snapshot =
            if named.is_empty() { look.resolve(reference)? } else { look.resolve_other(reference)? };
        named.insert(snapshot.origin.run);
    }
    let is_selected = |snapshot: &&Snapshot| {
        let origin = &snapshot.origin;
        (named.is_empty() || named.contains(&origin.run))
            && request.selection.selects(&origin.host, &origin.source, &origin.tags)
    };
    Ok(look.list().complete(None).filter(is_selected).map(|snapshot| snapshot.origin.run).collect())
}

/// Returns the packs that no snapshot needs.
fn unused(list: &SnapshotList, packs: &PackTable, of_packs: &[Owner], chunks: &ChunkShares) -> UnusedPacks {
    let mut unused = UnusedPacks { in_needed_packs: chunks.unused_in_needed_packs, ..UnusedPacks::default() };
    let is_pending = |snapshot: &Snapshot| matches!(snapshot.state, SnapshotState::Pending { .. });
    let pending: HashSet<RunId> = list
        .snapshots
        .iter()
        .filter(|snapshot| is_pending(snapshot))
        .map(|snapshot| snapshot.origin.run)
        .collect();
    for (number, pack) in packs.iter() {
        if of_packs[number as usize] == Owner::NOBODY {
            let is_in_progress = pending.contains(&pack.name.run);
            let sums = if is_in_progress { &mut unused.in_progress } else { &mut unused.packs };
            *sums += PackSums::of(packs, [number]);
        }
    }
    unused
}

/// Returns which snapshots cannot be read completely.
fn unreadable(needed: &NeededPacks, chunks: &ChunkShares) -> Vec<StatsDamage> {
    let name = |run: &RunId| format!("snapshot {}", run.snapshot_id());
    let mut damage: Vec<StatsDamage> =
        needed.unreadable.iter().map(|(run, error)| StatsDamage::new(&name(run), error)).collect();
    // The catalogue may know the packs of a snapshot whose manifest is damaged.
    if let Some((run, error)) = chunks.unreadable.as_ref().filter(|_| damage.is_empty()) {
        damage.push(StatsDamage::new(&name(run), error));
    }
    damage
}
