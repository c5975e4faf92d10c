//! Which packs are worth repacking.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use icecore_catalog::{Catalog, DirectoryRow};
use icecore_format::{
    ids::{ChunkId, GroupId, PackName, RunId},
    seal::ObjectKind,
    snapshot::SnapshotState,
};

use super::{RepackPlan, is_in_progress};
use crate::{error::PruneResult, live::LiveChunks, marks, packs::ListedPack, survey::Survey};

/// A pack is repacked if at most one of so many parts of it is needed.
const DEAD_SHARE: u64 = 2;
/// Less is not worth a request, in bytes that are not needed.
const DEAD_BYTES_MIN: u64 = 128 << 10;
/// Smaller packs are put together.
const SMALL_BYTES: u64 = 4 << 20;
/// Packs of about the same length that are put together, at least. A chunk is copied at most once for each
/// eightfold growth of its pack.
const SMALL_PACKS_MIN: usize = 16;

/// A pack that could be repacked.
struct Candidate {
    name: PackName,
    kind: ObjectKind,
    group: GroupId,
    /// Length of both objects in bytes.
    bytes: u64,
    /// Part of it that is needed, in bytes, about.
    needed: u64,
}

impl Candidate {
    fn is_mostly_dead(&self) -> bool {
        self.needed * DEAD_SHARE <= self.bytes && self.bytes - self.needed >= DEAD_BYTES_MIN
    }

    fn is_small(&self) -> bool {
        self.bytes < SMALL_BYTES
    }

    /// Returns the packs that this one is put together with: of the same kind and group, and of about the
    /// same length.
    fn class(&self) -> (u8, GroupId, u32) {
        (self.kind as u8, self.group, length_class(self.bytes))
    }
}

/// Returns whether there is a reason to look: a snapshot was forgotten that no collection names yet, or there
/// are many small packs.
pub(super) fn may_be_worth_it(catalog: &mut Catalog, survey: &Survey) -> PruneResult<bool> {
    let is_new = |run: RunId| !survey.records.iter().any(|stored| stored.record.names_snapshot(run));
    let deleted =
        survey.snapshots.snapshots.iter().any(|snapshot| {
            matches!(snapshot.state, SnapshotState::Deleted(_)) && is_new(snapshot.origin.run)
        });
    if deleted {
        return Ok(true);
    }
    let needed = survey.marks.all();
    let packs = needed.iter().map(|number| (number, survey.packs.get(number)));
    let small: Vec<(u32, &ListedPack)> =
        packs.filter(|(_, pack)| pack.stored_bytes() < SMALL_BYTES && is_free(survey, pack)).collect();
    if small.len() < SMALL_PACKS_MIN {
        return Ok(false);
    }
    let groups = marks::groups(catalog, &survey.packs)?;
    let mut classes: BTreeMap<_, usize> = BTreeMap::new();
    for (number, pack) in small {
        let kind = pack.pack.as_ref().map(|(place, _)| place.kind() as u8);
        *classes.entry((kind, groups[number as usize], length_class(pack.stored_bytes()))).or_default() += 1;
    }
    Ok(classes.values().any(|packs| *packs >= SMALL_PACKS_MIN))
}

/// Chooses the packs that are worth it: first those with the smallest needed part, then the small ones.
pub(super) fn choose(
    catalog: &mut Catalog,
    survey: &Survey,
    live: &LiveChunks,
    bytes_max: u64,
) -> PruneResult<RepackPlan> {
    let groups = marks::groups(catalog, &survey.packs)?;
    let free: HashSet<u32> =
        survey.marks.all().iter().filter(|number| is_free(survey, survey.packs.get(*number))).collect();
    let mut superfluous: BTreeSet<u32> = BTreeSet::new();
    let mut candidates = Vec::new();
    catalog.for_each_directory(|row| {
        let Some(number) = survey.packs.number(row.pack()).filter(|number| free.contains(number)) else {
            return;
        };
        let stays = |other: u32| {
            other != number
                && free.contains(&other)
                && !superfluous.contains(&other)
                && groups[other as usize] == Some(row.group())
        };
        let mut needed = row.chunk_ids().map(|id| ChunkId(*id)).filter(|id| live.is_live(id));
        if needed.all(|id| live.copies.packs_of(&id).any(stays)) {
            superfluous.insert(number);
            return;
        }
        let bytes = survey.packs.get(number).stored_bytes();
        let needed = needed_bytes(&row, live, bytes);
        candidates.push(Candidate { name: row.pack(), kind: row.kind(), group: row.group(), bytes, needed });
    })?;
    let superfluous = superfluous.into_iter().map(|number| survey.packs.get(number).name).collect();
    Ok(within(worth_it(candidates), RepackPlan { superfluous, ..RepackPlan::default() }, bytes_max))
}

/// Returns the packs that are worth it, in the order in which they are taken.
fn worth_it(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.sort_by_key(|one| (one.needed.saturating_mul(1000) / one.bytes.max(1), one.name));
    let (mut dead, alive): (Vec<_>, Vec<_>) = candidates.into_iter().partition(Candidate::is_mostly_dead);
    let mut classes: BTreeMap<_, Vec<Candidate>> = BTreeMap::new();
    for small in alive.into_iter().filter(Candidate::is_small) {
        classes.entry(small.class()).or_default().push(small);
    }
    dead.extend(classes.into_values().filter(|class| class.len() >= SMALL_PACKS_MIN).flatten());
    dead
}

fn within(candidates: Vec<Candidate>, mut plan: RepackPlan, bytes_max: u64) -> RepackPlan {
    for one in candidates {
        if plan.bytes + one.bytes > bytes_max {
            plan.packs_later += 1;
            continue;
        }
        plan.packs.push(one.name);
        plan.bytes += one.bytes;
        plan.bytes_needed += one.needed;
    }
    plan.packs.sort_unstable();
    plan
}

/// Returns the same number for lengths within a factor of eight.
fn length_class(bytes: u64) -> u32 {
    bytes.max(1).ilog2() / 3
}

/// Returns about how many bytes of a pack are needed: its length times the needed part of its plaintext.
fn needed_bytes(row: &DirectoryRow<'_>, live: &LiveChunks, bytes: u64) -> u64 {
    let (mut all, mut needed) = (0u64, 0u64);
    for (id, length) in row.chunk_ids().zip(row.chunk_lengths()) {
        all += u64::from(length);
        needed += if live.is_live(&ChunkId(*id)) { u64::from(length) } else { 0 };
    }
    let share = u128::from(bytes) * u128::from(needed) / u128::from(all.max(1));
    u64::try_from(share).unwrap_or(bytes)
}

/// Returns whether a pack may be repacked: both objects are there, its run is over, and no record names it.
fn is_free(survey: &Survey, pack: &ListedPack) -> bool {
    pack.pack.is_some()
        && pack.directory.is_some()
        && !is_in_progress(survey, pack.name)
        && !survey.records.iter().any(|stored| stored.record.names_pack(pack.name))
}
