//! Sets of packs that the catalogue keeps for nodes.

use icecore_catalog::{Catalog, NodePacks};
use icecore_format::ids::{ChunkId, PackName};

use crate::{
    error::PruneResult,
    pack_set::PackSet,
    packs::{ListedPack, PackTable},
};

/// Where the catalogue keeps how many nodes it had sets for after the last renewal.
const RENEWED_KEY: &str = "prune: nodes at renewal";
/// Sets of nodes that no snapshot has any more are dropped by a renewal, when there are more than twice as
/// many sets as after the last one, and this many.
const SURPLUS_MAX: usize = 10_000;
/// No node has this id: the packs of the last renewal are kept under it.
const ALL_PACKS: ChunkId = ChunkId::HOLE;

/// What sets that were kept may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptSetsUse {
    /// They are used, and new ones are added.
    Use,
    /// They are forgotten first, so that all copies of all chunks are found.
    Renew,
}

/// Forgets all sets, if that is asked for or too many of them are of nodes that no snapshot has any more;
/// says whether there are none now.
pub(crate) fn prepare(catalog: &mut Catalog, kept: KeptSetsUse) -> PruneResult<bool> {
    let renewed = catalog.get_meta(RENEWED_KEY)?;
    let renewed = renewed.and_then(|bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?))).unwrap_or(0);
    let allowed =
        usize::try_from(renewed).unwrap_or(usize::MAX).saturating_mul(2).saturating_add(SURPLUS_MAX);
    let count = catalog.noted_node_count()?;
    let renews = kept == KeptSetsUse::Renew || count > allowed;
    if renews {
        catalog.forget_packs_of_nodes()?;
    }
    Ok(renews || count == 0)
}

/// Notes after a renewal how many sets there are, and which packs: every set that is kept from then on has
/// all copies in these packs.
pub(crate) fn note_renewal(catalog: &mut Catalog, packs: &PackTable) -> PruneResult<()> {
    // A listing that was cut short lacks packs whose directories are listed: no set has them.
    let names = packs.iter().filter(|(_, pack)| is_there(pack)).map(|(_, pack)| pack.name).collect();
    catalog.put_packs_of_nodes(&[NodePacks { node: ALL_PACKS, packs: names }])?;
    let count = catalog.noted_node_count()? as u64;
    Ok(catalog.put_meta(RENEWED_KEY, &count.to_le_bytes())?)
}

/// Returns the packs that were there at the last renewal, sorted by name.
pub(crate) fn packs_at_renewal(catalog: &Catalog) -> PruneResult<Vec<PackName>> {
    Ok(catalog.packs_of_node(&ALL_PACKS)?.unwrap_or_default())
}

/// Takes packs that are not listed out of those of the last renewal: sets that are kept from now on lack
/// them. They may come back, if the listing was cut short.
pub(crate) fn note_missing(catalog: &mut Catalog, packs: &PackTable) -> PruneResult<()> {
    let mut names = packs_at_renewal(catalog)?;
    let before = names.len();
    names.retain(|name| packs.number(*name).is_some_and(|number| is_there(packs.get(number))));
    if names.len() < before {
        catalog.put_packs_of_nodes(&[NodePacks { node: ALL_PACKS, packs: names }])?;
    }
    Ok(())
}

fn is_there(pack: &ListedPack) -> bool {
    pack.pack.is_some() && pack.directory.is_some()
}

/// Returns the set that was kept for a node; nothing if there is none, or if one of its packs is gone.
pub(crate) fn get(catalog: &Catalog, packs: &PackTable, node: &ChunkId) -> PruneResult<Option<PackSet>> {
    let Some(names) = catalog.packs_of_node(node)? else { return Ok(None) };
    let numbers = names.iter().map(|name| packs.number(*name).filter(|number| is_there(packs.get(*number))));
    Ok(numbers.collect())
}

/// Keeps sets.
pub(crate) fn put<'a>(
    catalog: &mut Catalog,
    packs: &PackTable,
    sets: impl IntoIterator<Item = (&'a ChunkId, &'a PackSet)>,
) -> PruneResult<()> {
    let named = |set: &PackSet| set.iter().map(|number| packs.get(number).name).collect();
    let rows: Vec<NodePacks> =
        sets.into_iter().map(|(node, set)| NodePacks { node: *node, packs: named(set) }).collect();
    Ok(catalog.put_packs_of_nodes(&rows)?)
}

#[cfg(test)]
mod tests;
