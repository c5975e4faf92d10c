//! What is in a repository, as far as removing packs depends on it, and what speaks against removing
//! anything.
//!
//! A survey begins after its own run was announced. It reads every listing, opens every small object and
//! finds out what each snapshot needs. Whatever does not fit together is a [`Doubt`]: a listing that came
//! back short, or a repository that somebody set back, must not look like garbage.

mod doubts;
mod listings;

use std::{
    collections::{HashMap, HashSet},
    time::SystemTime,
};

use icecore_catalog::Catalog;
use icecore_format::{
    history::SeenHistory,
    ids::{GroupId, RunId},
    layout::{parse_snapshot_key, snapshot_key},
    limits::RECORD_OBJECT_BYTES_MAX,
    snapshot::{Snapshot, SnapshotState},
};
use icecore_repo::{
    collections::StoredCollection, error::RepoError, index::read_directories, log::LogBook,
    repository::Repository, snapshots::SnapshotList,
};
use icecore_store::{ObjectInfo, store::StoreExt};

pub use self::doubts::Doubt;
use self::listings::Listings;
use crate::{
    error::PruneResult,
    marks::{NeededPacks, lacking_groups, mark},
    packs::PackTable,
    sources::{PRUNE_SOURCE, is_of_collector},
};

/// What was found in a repository.
#[derive(Debug)]
pub struct Survey {
    /// When the own run was announced or refreshed last, by the store's clock; the time of this machine
    /// without an own run.
    pub now: SystemTime,
    /// All packs.
    pub packs: PackTable,
    /// All snapshots, in every state.
    pub snapshots: SnapshotList,
    /// The objects of the snapshots, as they were listed.
    pub snapshot_objects: HashMap<RunId, ObjectInfo>,
    /// Records of collections, by number.
    pub records: Vec<StoredCollection>,
    /// The log.
    pub log: LogBook,
    /// What the complete snapshots need; nothing if the content of some packs is not known.
    pub marks: NeededPacks,
    /// Groups whose snapshots need a chunk of which no pack of theirs with a directory has a copy.
    pub lacking_groups: HashSet<GroupId>,
    /// What speaks against removing anything; nothing may be removed unless it is empty.
    pub doubts: Vec<Doubt>,
}

/// Surveys a repository for the run `own`, which was announced before; without one, what was found serves for
/// looking only, because a listing that was cut short may not show. `seen` is what this host remembers of the
/// repository.
///
/// A record of a collection that does not open is an error, as it is for every writer.
pub fn survey(
    repository: &Repository,
    catalog: &mut Catalog,
    own: Option<RunId>,
    seen: &SeenHistory,
) -> PruneResult<Survey> {
    let (mut listings, snapshots) = Listings::read(repository, catalog, own)?;
    let mut log = LogBook::read_from(repository, catalog, &listings.log)?;
    let records = std::mem::take(&mut listings.records);
    let packs = PackTable::of(listings.packs.iter().chain(&listings.directories));

    let removable = removable(&snapshots);
    let mut doubts = listings.doubts(|run| removable.contains(&run) || is_of_collector(run));
    doubts.extend(doubts::of_snapshots(&snapshots));
    doubts.extend(doubts::of_log(&log));
    doubts.extend(log.losses(repository, catalog, &snapshots, seen)?.into_iter().map(Doubt::Lost));
    let listed = listings.runs();
    let is_known =
        |run: RunId| listed.contains(&run) || log.history().is_gone(run) || is_recorded(&records, run);
    doubts.extend(doubts::of_packs(&packs, is_known));
    let damaged = read_directories(repository, catalog, &listings.directories)?;
    doubts.extend(damaged.into_iter().map(|(key, error)| doubts::unreadable(key, &error)));
    let complete: Vec<&Snapshot> = snapshots.complete(None).collect();
    let marks = if doubts.iter().any(Doubt::hides_packs) {
        NeededPacks::default()
    } else {
        mark(repository, catalog, &packs, &complete)?
    };
    let lacking_groups = lacking_groups(catalog, &packs, &complete, &marks)?;
    for (run, error) in &marks.unreadable {
        if is_complete(repository, catalog, *run)? {
            doubts.push(Doubt::Incomplete { run: *run, reason: error.to_string() });
        }
    }

    let objects = listings.snapshots.iter().filter_map(|object| Some((run_of(object)?, object.clone())));
    let now = listings.now().unwrap_or_else(|| repository.environment().clock.now());
    Ok(Survey {
        now,
        packs,
        snapshot_objects: objects.collect(),
        snapshots,
        records,
        log,
        marks,
        lacking_groups,
        doubts,
    })
}

/// Returns whether a snapshot counts as complete: somebody may have forgotten it, and its data may have been
/// removed, since it was listed. One that cannot be read, or disappeared without a word in the log, still
/// counts.
fn is_complete(repository: &Repository, catalog: &mut Catalog, run: RunId) -> PruneResult<bool> {
    let key = snapshot_key(run);
    let fetched = repository.store().get_at_most(&key, RECORD_OBJECT_BYTES_MAX);
    match repository.environment().runtime.block_on(fetched) {
        Ok(object) => {
            let opened = Snapshot::open(repository.keys(), run, &object);
            Ok(opened.map_or(true, |snapshot| snapshot.completion().is_some()))
        }
        Err(error) if error.is_not_found() => Ok(!LogBook::read(repository, catalog)?.history().is_gone(run)),
        Err(error) => Err(RepoError::from(error).into()),
    }
}

/// Returns whether a run is in progress, as far as its snapshot object says.
pub(crate) fn is_pending(snapshot: &Snapshot) -> bool {
    matches!(snapshot.state, SnapshotState::Pending { .. })
}

fn run_of(object: &ObjectInfo) -> Option<RunId> {
    parse_snapshot_key(&object.key).ok()
}

/// Returns the runs whose snapshot objects another collector may remove meanwhile.
fn removable(snapshots: &SnapshotList) -> HashSet<RunId> {
    let may_go = |snapshot: &&Snapshot| {
        let ended = matches!(snapshot.state, SnapshotState::Aborted { .. } | SnapshotState::Deleted(_));
        ended || snapshot.origin.source == PRUNE_SOURCE
    };
    snapshots.snapshots.iter().filter(may_go).map(|snapshot| snapshot.origin.run).collect()
}

/// Returns whether a record says what became of a run that may have no snapshot object any more.
fn is_recorded(records: &[StoredCollection], run: RunId) -> bool {
    records.iter().any(|StoredCollection { record, .. }| {
        record.cleared_runs.binary_search(&run).is_ok()
            || record.dead_runs.binary_search_by_key(&run, |dead| dead.run).is_ok()
            || record.names_snapshot(run)
    })
}

#[cfg(test)]
mod tests;
