//! Proof that packs may go although snapshots need chunks in them.

use std::{collections::BTreeSet, ops::ControlFlow};

use icecore_catalog::Catalog;
use icecore_format::{
    ids::{ChunkId, PackName},
    snapshot::Snapshot,
};
use icecore_repo::{collections, repository::Repository};

use super::verified;
use crate::{
    error::{PruneError, PruneResult},
    live::LiveChunks,
    marks,
    packs::PackTable,
    survey::Survey,
};

/// Returns those of the packs that must stay: either none or all of them.
///
/// All snapshots must be whole without the packs, and without everything that any record condemns: another
/// collection may rely on what this one removes, and the record that was created later sees both. The packs
/// of the same group that hold the remaining copies are read and opened: whoever holds the key can store a
/// pack that only looks like a copy.
pub(crate) fn unproven(
    repository: &Repository,
    catalog: &mut Catalog,
    survey: &Survey,
    packs: &[PackName],
) -> PruneResult<Vec<PackName>> {
    let is_proved = is_proved(repository, catalog, survey, packs)?;
    Ok(if is_proved { Vec::new() } else { packs.to_vec() })
}

fn is_proved(
    repository: &Repository,
    catalog: &mut Catalog,
    survey: &Survey,
    packs: &[PackName],
) -> PruneResult<bool> {
    let condemned = collections::condemned(&survey.records);
    let left = survey.packs.without(|name| condemned.is_condemned(name));
    let complete: Vec<&Snapshot> = survey.snapshots.complete(None).collect();
    let live = match LiveChunks::find(repository, catalog, &left, &complete) {
        Ok(live) => live,
        Err(PruneError::Repo(error)) if error.is_corruption() => return Ok(false),
        Err(error) => return Err(error),
    };
    let Some(copies) = packs_with_copies(catalog, &left, &live, packs)? else { return Ok(false) };
    for name in copies {
        let Some(directory) = catalog.directory(name)? else { return Ok(false) };
        if verified::read(repository, &left, &directory)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns packs that together hold a copy of each needed chunk of `packs`, in the same group; nothing if
/// there are no such packs.
fn packs_with_copies(
    catalog: &mut Catalog,
    left: &PackTable,
    live: &LiveChunks,
    packs: &[PackName],
) -> PruneResult<Option<BTreeSet<PackName>>> {
    let groups = marks::groups(catalog, left)?;
    let mut chosen = BTreeSet::new();
    let mut has_all = true;
    catalog.for_each_directory_of(packs, |row| {
        for id in row.chunk_ids().map(|id| ChunkId(*id)).filter(|id| live.is_live(id)) {
            let mut copies =
                live.copies.packs_of(&id).filter(|number| groups[*number as usize] == Some(row.group()));
            let name = |number| left.get(number).name;
            let Some(first) = copies.next().map(name) else {
                has_all = false;
                return ControlFlow::Break(());
            };
            if !chosen.contains(&first) && !copies.any(|number| chosen.contains(&name(number))) {
                chosen.insert(first);
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(has_all.then_some(chosen))
}
