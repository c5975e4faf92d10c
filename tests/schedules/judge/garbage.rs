//! Objects that nothing needs: what a collection may remove (section 21).

use std::collections::{BTreeMap, BTreeSet};

use super::{
    collections::{Collection, is_condemned},
    names::{PackName, Run},
    packs::{ChunkId, Pack},
    repository::Repository,
    snapshots::{Snapshot, State},
};

/// Sources of runs that always end as aborted.
const WITHOUT_SNAPSHOTS: [&str; 3] = ["prune", "repack", "repair"];

/// The chunks and nodes that complete snapshots refer to; those of snapshots that only use the packs of a
/// group are listed with it.
pub(super) struct Needed(BTreeMap<Option<Run>, BTreeSet<ChunkId>>);

impl Needed {
    pub(super) fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds the references of a complete snapshot.
    pub(super) fn add(&mut self, snapshot: &Snapshot, references: BTreeSet<ChunkId>) {
        self.0.entry(snapshot.only_group()).or_default().extend(references);
    }

    fn contains(&self, group: Run, chunk: ChunkId) -> bool {
        [None, Some(group)].iter().any(|group| self.0.get(group).is_some_and(|ids| ids.contains(&chunk)))
    }
}

/// Lists what nothing needs, each with the reason.
pub(super) fn list(repository: &Repository<'_>, needed: &Needed) -> Vec<String> {
    let mut garbage = packs(repository, needed);
    garbage.extend(directories(repository));
    garbage.extend(snapshots(repository));
    garbage.extend(collections(repository));
    garbage
}

fn packs(repository: &Repository<'_>, needed: &Needed) -> Vec<String> {
    let mut garbage = Vec::new();
    for (name, pack) in &repository.packs.objects {
        let reason = match repository.packs.directories.get(name) {
            None => "the pack has no directory",
            Some(directory) => {
                let is_needed = |id| needed.contains(directory.group, (directory.kind, id));
                if directory.chunks.iter().any(|chunk| is_needed(chunk.id)) {
                    continue;
                }
                "no complete snapshot needs a chunk of the pack"
            }
        };
        if !may_be_continued(repository, *name) {
            garbage.push(format!("{}: {reason}", key(*name, pack)));
        }
    }
    garbage
}

/// Says whether the run of a pack, or the next one of its source, may still use the pack.
///
/// A run that was interrupted leaves packs for the next run of its source, until this source has a later
/// complete snapshot. Runs that never make a snapshot leave nothing for others.
fn may_be_continued(repository: &Repository<'_>, pack: PackName) -> bool {
    let Some(run) = repository.snapshots.get(&pack.run) else { return false };
    let is_later = |(other, snapshot): (&Run, &Snapshot)| {
        snapshot.state == State::Complete
            && snapshot.is_of_same_source(run)
            && (snapshot.number, *other) > (run.number, pack.run)
    };
    match run.state {
        State::Pending => true,
        State::Complete | State::Deleted => false,
        State::Aborted => {
            !WITHOUT_SNAPSHOTS.contains(&run.source.as_str())
                && !is_condemned(&repository.collections, pack)
                && !repository.snapshots.iter().any(is_later)
        }
    }
}

fn directories(repository: &Repository<'_>) -> Vec<String> {
    let without_pack = |name: &&_| !repository.packs.objects.contains_key(name);
    let found = repository.packs.listed.iter().filter(without_pack);
    found.map(|name| format!("meta/packs/{name}: the directory has no pack")).collect()
}

fn snapshots(repository: &Repository<'_>) -> Vec<String> {
    let has_packs = |run: &Run| repository.packs.objects.keys().any(|pack| pack.run == *run);
    let newest = repository.collections.last_key_value();
    let is_named_dead = |run: &Run| newest.is_some_and(|(_, record)| record.dead.contains_key(run));
    let reason = |(run, snapshot): (&Run, &Snapshot)| {
        let reason = match snapshot.state {
            State::Deleted => "the snapshot was forgotten",
            // Until a record names it as dead, such a run may still store packs.
            State::Aborted if is_named_dead(run) && !has_packs(run) => "the run is dead and has no packs",
            _ => return None,
        };
        Some(format!("meta/snapshots/{run}: {reason}"))
    };
    repository.snapshots.iter().filter_map(reason).collect()
}

/// Lists the records that may be closed.
fn collections(repository: &Repository<'_>) -> Vec<String> {
    let Some((greatest, newest)) = repository.collections.last_key_value() else { return Vec::new() };
    let is_done = |record: &Collection| {
        let packs = &repository.packs;
        record.is_sweeping
            && !record
                .packs
                .iter()
                .any(|pack| packs.objects.contains_key(pack) || packs.listed.contains(pack))
            && !record.deleted.iter().any(|run| repository.snapshots.contains_key(run))
    };
    let has_aborted =
        |run: &&Run| repository.snapshots.get(run).is_some_and(|snapshot| snapshot.state == State::Aborted);
    let waits_for_names = |record: &Collection| {
        let mut fenced = record.waiting.iter().flatten().filter(has_aborted);
        fenced.any(|run| !newest.dead.contains_key(run))
    };
    let closed = repository
        .collections
        .iter()
        .filter(|(number, record)| *number != greatest && is_done(record) && !waits_for_names(record));
    closed.map(|(number, _)| format!("meta/gc/{number:06}: everything that it names is gone")).collect()
}

fn key(name: PackName, pack: &Pack) -> String {
    pack.group.map_or_else(|| format!("meta/manifest/{name}"), |group| format!("data/{group}/{name}"))
}
