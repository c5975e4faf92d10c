//! Which unused packs may be condemned, and why the others are kept.

use std::collections::BTreeMap;

use icecore_format::{
    collection::{CollectedPack, CollectionState},
    ids::{PackName, RunId},
    layout::PackPlace,
    limits::COLLECTION_PACKS_MAX,
    snapshot::{Snapshot, SnapshotState},
};

use super::{
    objects::{collected, noted_objects},
    planner::Planner,
};
use crate::{packs::ListedPack, sources::REPACK_SOURCE};

/// Why packs are kept that no snapshot needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhyKept {
    /// Their run is under way.
    RunPending,
    /// Their run was interrupted, and the next run of its source goes on from them.
    Resumable,
    /// Their directories are missing, and the group that they are in lacks chunks that they may hold.
    DirectoryMissing,
    /// There are more than a record takes: the next collection takes them.
    TooMany,
}

/// Packs that are kept for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptPacks {
    /// Why.
    pub why: WhyKept,
    /// Number of packs.
    pub packs: usize,
    /// Their length in bytes, with their directories.
    pub bytes: u64,
}

/// Finds the packs that may be condemned, by name and with their length in bytes, and those that are kept
/// although no snapshot needs them. `repacked` are needed packs that may be condemned as well.
pub(super) fn find(
    planner: &Planner<'_>,
    repacked: &[PackName],
) -> (Vec<(CollectedPack, u64)>, Vec<KeptPacks>) {
    let mut candidates = Vec::new();
    let mut kept: BTreeMap<WhyKept, (usize, u64)> = BTreeMap::new();
    let mut runs: BTreeMap<RunId, Option<WhyKept>> = BTreeMap::new();
    for (number, pack) in planner.survey.packs.iter() {
        let is_repacked = planner.live.contains(number);
        if is_repacked && repacked.binary_search(&pack.name).is_err() || is_recorded(planner, pack) {
            continue;
        }
        let run = pack.name.run;
        let of_run = *runs.entry(run).or_insert_with(|| why_kept(planner, run));
        let of_pack = of_run.or_else(|| may_be_missed(planner, pack).then_some(WhyKept::DirectoryMissing));
        let why = of_pack.or((candidates.len() >= COLLECTION_PACKS_MAX).then_some(WhyKept::TooMany));
        if let Some(why) = why {
            let sums = kept.entry(why).or_default();
            *sums = (sums.0 + 1, sums.1 + pack.stored_bytes());
        } else {
            candidates.push((CollectedPack { is_repacked, ..collected(pack) }, pack.stored_bytes()));
        }
    }
    let kept = kept.into_iter().map(|(why, (packs, bytes))| KeptPacks { why, packs, bytes });
    (candidates, kept.collect())
}

/// Returns whether a snapshot may miss the pack in its group: nobody knows what is in a pack whose directory
/// was lost.
fn may_be_missed(planner: &Planner<'_>, pack: &ListedPack) -> bool {
    let group = match &pack.pack {
        Some((PackPlace::Data(group), _)) => Some(*group),
        Some((PackPlace::Manifest, _)) => {
            planner.snapshot(pack.name.run).map(|snapshot| snapshot.origin.group)
        }
        None => None,
    };
    pack.directory.is_none() && group.is_some_and(|group| planner.survey.lacking_groups.contains(&group))
}

/// Returns whether a record removes the pack. A record in state sweeping removes what it has noted: an object
/// that was stored again later is removed by another record.
fn is_recorded(planner: &Planner<'_>, pack: &ListedPack) -> bool {
    planner.survey.records.iter().any(|stored| {
        let found = stored.record.packs.binary_search_by_key(&pack.name, |collected| collected.name);
        found.is_ok_and(|position| {
            let collected = &stored.record.packs[position];
            stored.record.state == CollectionState::Condemned
                || !noted_objects(&planner.survey.packs, collected).is_empty()
        })
    })
}

/// Returns why unused packs of a run are kept.
fn why_kept(planner: &Planner<'_>, run: RunId) -> Option<WhyKept> {
    let Some(snapshot) = planner.snapshot(run) else {
        // It was announced while the survey was made, or nothing but packs is left of it.
        let is_known = planner.is_recorded(run) || planner.survey.log.history().is_gone(run);
        return (!is_known).then_some(WhyKept::RunPending);
    };
    match snapshot.state {
        SnapshotState::Pending { .. } => Some(WhyKept::RunPending),
        SnapshotState::Aborted { .. } if is_resumable(planner, snapshot) => Some(WhyKept::Resumable),
        _ => None,
    }
}

/// Returns whether the next run of the source goes on from the packs of an interrupted run: none has
/// completed since, and it is not too long ago.
fn is_resumable(planner: &Planner<'_>, aborted: &Snapshot) -> bool {
    let (survey, origin) = (planner.survey, &aborted.origin);
    let Some(object) = survey.snapshot_objects.get(&origin.run) else { return false };
    if origin.source == REPACK_SOURCE {
        return false;
    }
    let age = survey.now.duration_since(object.modified).unwrap_or_default();
    let mut complete = survey.snapshots.complete(Some(&origin.source));
    let has_later = complete
        .any(|snapshot| snapshot.origin.host == origin.host && snapshot.origin.place() > origin.place());
    age < planner.options.resumable_for && !has_later
}
