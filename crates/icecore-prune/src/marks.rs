//! Marking: which packs each snapshot needs.
//!
//! A snapshot needs a pack if the pack holds a copy of a chunk that the snapshot refers to; nodes of
//! manifests and of chunk lists are chunks, too. All copies count. Nobody knows which copy is good without
//! reading it, and a bad copy that somebody added must not make a good one look superfluous.
//!
//! A snapshot of scope *group* needs the copies in packs of its group. If they hold no copy of a chunk,
//! because it was lost or repaired, all copies count.
//!
//! A node that several snapshots share is read once. The catalogue keeps the sets of nodes above the leaves,
//! so that the next time only new nodes are read. Such a set lacks packs that were added later and hold more
//! copies of the same chunks. It is enough for reading, as long as none of its packs is gone, but says
//! nothing about the packs that it lacks: [`NeededPacks::unused`] does.

mod copies;
mod walk;

use std::{
    panic::resume_unwind,
    sync::{
        Arc, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use icecore_catalog::Catalog;
use icecore_format::{
    ids::RunId,
    snapshot::{DedupScope, Snapshot},
};
use icecore_repo::{index::load_index, manifest::ManifestRoot, reader::ChunkReader, repository::Repository};

pub(crate) use self::copies::{groups, lacking_groups};
use self::walk::{NewSets, Nodes, Scope, Walk};
use crate::{
    chunk_packs::ChunkPacks,
    error::{PruneError, PruneResult},
    kept_sets::{self, KeptSetsUse},
    pack_set::PackSet,
    packs::PackTable,
};

/// Memory for blocks of manifest packs while nodes are read, in bytes.
pub(crate) const CACHE_BYTES: usize = 64 << 20;

/// What complete snapshots need.
#[derive(Debug, Default)]
pub struct NeededPacks {
    /// For each snapshot the packs that it needs, in the order of the snapshots that were given.
    pub needed: Vec<(RunId, PackSet)>,
    /// Snapshots of which something is missing or cannot be read, with the reason.
    pub unreadable: Vec<(RunId, PruneError)>,
}

impl NeededPacks {
    /// Returns the packs that any snapshot needs.
    pub fn all(&self) -> PackSet {
        PackSet::union(self.needed.iter().map(|(_, packs)| packs))
    }

    /// Returns the packs that no snapshot needs.
    pub fn unused(&self, packs: &PackTable) -> PackSet {
        let needed = self.all();
        packs.iter().map(|(number, _)| number).filter(|number| !needed.contains(*number)).collect()
    }
}

/// Finds the packs that complete snapshots need; other snapshots are left out.
///
/// The catalogue must have the directories that `packs` lists. What cannot be read is reported with its
/// snapshot; after an error nothing is known.
pub fn mark(
    repository: &Repository,
    catalog: &mut Catalog,
    packs: &PackTable,
    snapshots: &[&Snapshot],
) -> PruneResult<NeededPacks> {
    let roots: Vec<_> =
        snapshots.iter().filter_map(|snapshot| Some((*snapshot, ManifestRoot::of(snapshot)?))).collect();
    let renewed = kept_sets::prepare(catalog, KeptSetsUse::Use)?;
    kept_sets::note_missing(catalog, packs)?;
    let marks = mark_roots(repository, catalog, packs, &roots, NewSets::Keep)?;
    let is_exact = renewed || !marks.unreadable.is_empty();
    if is_exact || !copies::may_be_needed(catalog, packs, snapshots, &marks.unused(packs))? {
        if renewed {
            kept_sets::note_renewal(catalog, packs)?;
        }
        return Ok(marks);
    }
    kept_sets::prepare(catalog, KeptSetsUse::Renew)?;
    let marks = mark_roots(repository, catalog, packs, &roots, NewSets::Keep)?;
    kept_sets::note_renewal(catalog, packs)?;
    Ok(marks)
}

/// Finds the packs that one complete snapshot needs, without keeping what is found: `packs` may lack some of
/// those that are there. Nothing if the packs do not suffice, or if the snapshot is not complete.
pub(crate) fn packs_of_one(
    repository: &Repository,
    catalog: &mut Catalog,
    packs: &PackTable,
    snapshot: &Snapshot,
) -> PruneResult<Option<PackSet>> {
    let Some(root) = ManifestRoot::of(snapshot) else { return Ok(None) };
    let marks = mark_roots(repository, catalog, packs, &[(snapshot, root)], NewSets::Drop)?;
    Ok(marks.needed.into_iter().next().map(|(_, set)| set))
}

fn mark_roots(
    repository: &Repository,
    catalog: &mut Catalog,
    packs: &PackTable,
    roots: &[(&Snapshot, ManifestRoot)],
    new_sets: NewSets,
) -> PruneResult<NeededPacks> {
    let scoped: Vec<ScopedRoot> =
        roots.iter().map(|(snapshot, root)| ScopedRoot::new(snapshot, root)).collect();
    let mut sets = Vec::with_capacity(roots.len());
    for root in &scoped {
        let kept = match new_sets {
            NewSets::Keep => kept_sets::get(catalog, packs, &root.scope.key(&root.root.node))?,
            NewSets::Drop => None,
        };
        sets.push(kept.map(Ok));
    }
    let unknown: Vec<usize> = (0..sets.len()).filter(|position| sets[*position].is_none()).collect();
    let walked: Vec<&ScopedRoot> = unknown.iter().map(|position| &scoped[*position]).collect();
    for (position, set) in unknown.into_iter().zip(walk_all(repository, catalog, packs, &walked, new_sets)?) {
        sets[position] = Some(set);
    }
    let mut marks = NeededPacks::default();
    for ((_, root), set) in roots.iter().zip(sets) {
        match set {
            Some(Ok(set)) => marks.needed.push((root.run, set)),
            Some(Err(error)) => marks.unreadable.push((root.run, error)),
            None => {}
        }
    }
    Ok(marks)
}

/// A manifest, and whose copies of chunks count.
struct ScopedRoot {
    root: ManifestRoot,
    scope: Scope,
}

impl ScopedRoot {
    fn new(snapshot: &Snapshot, root: &ManifestRoot) -> Self {
        let scope = match snapshot.origin.dedup {
            DedupScope::Repository => Scope::All,
            DedupScope::Group => Scope::Group(snapshot.origin.group),
        };
        Self { root: root.clone(), scope }
    }
}

/// Walks manifests on several threads; returns the set of each, or why it cannot be read.
fn walk_all(
    repository: &Repository,
    catalog: &mut Catalog,
    packs: &PackTable,
    roots: &[&ScopedRoot],
    new_sets: NewSets,
) -> PruneResult<Vec<PruneResult<PackSet>>> {
    if roots.is_empty() {
        return Ok(Vec::new());
    }
    let chunks = ChunkPacks::read(catalog, packs)?;
    let has_groups = roots.iter().any(|root| root.scope != Scope::All);
    let groups = if has_groups { groups(catalog, packs)? } else { Vec::new() };
    let index = load_index(repository, catalog, None)?.index;
    let reader = ChunkReader::new(repository.clone(), Arc::new(RwLock::new(index)), CACHE_BYTES);
    let nodes = Nodes::new(catalog, packs, new_sets);
    // Not on the workers: reading waits for the store.
    let threads = repository.environment().workers.current_num_threads().min(roots.len()).max(1);
    let next = AtomicUsize::new(0);
    let walk = |thread| {
        let mut sets = Vec::new();
        loop {
            let position = next.fetch_add(1, Ordering::Relaxed);
            let Some(root) = roots.get(position) else { return sets };
            let walk = Walk {
                reader: &reader,
                chunks: &chunks,
                groups: &groups,
                nodes: &nodes,
                scope: root.scope,
                // A snapshot that comes back must have everything in its group.
                may_be_elsewhere: new_sets == NewSets::Keep,
                run: root.root.run,
                turn: (thread, threads),
            };
            sets.push((position, walk.manifest(&root.root)));
        }
    };
    let mut sets = std::thread::scope(|scope| {
        let walk = &walk;
        let handles: Vec<_> = (0..threads).map(|thread| scope.spawn(move || walk(thread))).collect();
        let joined =
            handles.into_iter().map(|handle| handle.join().unwrap_or_else(|panic| resume_unwind(panic)));
        joined.flatten().collect::<Vec<_>>()
    });
    nodes.finish()?;
    sets.sort_unstable_by_key(|(position, _)| *position);
    let general = |set: PruneResult<PackSet>| match set {
        Err(error) if error.is_general() => Err(error),
        set => Ok(set),
    };
    sets.into_iter().map(|(_, set)| general(set)).collect()
}

#[cfg(test)]
mod tests;
