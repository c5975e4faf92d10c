//! Further copies of chunks, and the groups that packs belong to.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
};

use icecore_catalog::Catalog;
use icecore_format::{
    ids::{ChunkId, GroupId, PackName, RunId},
    snapshot::{DedupScope, Snapshot},
};

use super::NeededPacks;
use crate::{chunk_packs::ChunkPacks, error::PruneResult, kept_sets, pack_set::PackSet, packs::PackTable};

/// Returns the group of each pack, as far as its directory is known.
pub(crate) fn groups(catalog: &mut Catalog, packs: &PackTable) -> PruneResult<Vec<Option<GroupId>>> {
    let mut groups = vec![None; packs.len()];
    catalog.for_each_directory(|row| {
        if let Some(number) = packs.number(row.pack()) {
            groups[number as usize] = Some(row.group());
        }
    })?;
    Ok(groups)
}

/// Returns the groups that lack a copy of a chunk that one of their own snapshots needs, while another group
/// has one: the copy in a pack whose directory is lost may be the only one of the group.
pub(crate) fn lacking_groups(
    catalog: &mut Catalog,
    packs: &PackTable,
    snapshots: &[&Snapshot],
    marks: &NeededPacks,
) -> PruneResult<HashSet<GroupId>> {
    let scoped = snapshots.iter().filter(|snapshot| snapshot.origin.dedup == DedupScope::Group);
    let own: HashMap<RunId, GroupId> =
        scoped.map(|snapshot| (snapshot.origin.run, snapshot.origin.group)).collect();
    if own.is_empty() || packs.iter().all(|(_, pack)| pack.directory.is_some()) {
        return Ok(HashSet::new());
    }
    let groups = groups(catalog, packs)?;
    let lacking = marks.needed.iter().filter_map(|(run, set)| {
        let own = *own.get(run)?;
        set.iter().any(|number| groups[number as usize] != Some(own)).then_some(own)
    });
    Ok(lacking.collect())
}

/// Says whether one of the packs that look unused may be needed: it was added after the last renewal, a
/// snapshot may refer to it, and another pack holds one of its chunks, too: a set that was kept may have only
/// the other one.
pub(super) fn may_be_needed(
    catalog: &mut Catalog,
    packs: &PackTable,
    snapshots: &[&Snapshot],
    unused: &PackSet,
) -> PruneResult<bool> {
    let renewed = kept_sets::packs_at_renewal(catalog)?;
    let names = unused.iter().map(|number| packs.get(number)).filter(|pack| pack.directory.is_some());
    let added: Vec<PackName> =
        names.map(|pack| pack.name).filter(|name| renewed.binary_search(name).is_err()).collect();
    if added.is_empty() {
        return Ok(false);
    }
    let any_group = snapshots.iter().any(|snapshot| snapshot.origin.dedup == DedupScope::Repository);
    let groups: HashSet<GroupId> = snapshots.iter().map(|snapshot| snapshot.origin.group).collect();
    let chunks = ChunkPacks::read(catalog, packs)?;
    let mut copies = Vec::new();
    let mut found = false;
    catalog.for_each_directory_of(&added, |row| {
        if any_group || groups.contains(&row.group()) {
            found = row.chunk_ids().any(|id| {
                copies.clear();
                chunks.add_packs_of(&ChunkId(*id), &mut copies);
                // Also if that one looks unused: a set that has it may be the reason why this pack looks
                // unused, and a snapshot of another group does not need it.
                copies.iter().any(|number| packs.get(*number).name != row.pack())
            });
        }
        if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(found)
}
