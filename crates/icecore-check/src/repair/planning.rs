//! Makes the plan of a repair. Only reads.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use icecore_format::{
    directory::PackDirectory,
    ids::{ChunkId, GroupId, PackName},
    keys::Keys,
    layout,
    seal::ObjectKind,
};
use icecore_store::{ObjectInfo, Store};

use super::{
    diagnosis::{Diagnosis, PackObjects, Source, diagnose},
    parents::plan_parents,
    plan::{RepairPlan, RepairStep, SalvageSource, StoredObject},
    snapshots::plan_snapshots,
};
use crate::{
    check::{Examination, examine},
    error::CheckError,
    events::{CheckEvents, CheckPhase},
    inventory::Inventory,
    keyspace::{KeyForm, classify},
    options::CheckOptions,
    report::CheckReport,
    session::Session,
    snapshots::Snapshots,
};

/// A run that has not refreshed its snapshot for this long counts as dead: its leftovers may be used.
const SILENCE_MAX: Duration = Duration::from_hours(24);

/// Verifies a repository like [`crate::check()`], and plans how to repair the damage.
///
/// Every object with a problem is read and judged again. `copies` are sealed snapshots that were kept
/// elsewhere; a copy that opens replaces a stored snapshot that does not.
pub async fn plan_repair(
    store: Arc<dyn Store>,
    keys: &Keys,
    options: &CheckOptions,
    copies: &[Vec<u8>],
    events: &dyn CheckEvents,
    cancel: &AtomicBool,
) -> Result<(CheckReport, RepairPlan), CheckError> {
    let session = Session::new(store, keys, options, events, cancel);
    let examination = examine(&session).await?;
    let plan = make_plan(&session, &examination, copies).await?;
    Ok((examination.into_report(session), plan))
}

async fn make_plan(
    session: &Session<'_>,
    examination: &Examination,
    copies: &[Vec<u8>],
) -> Result<RepairPlan, CheckError> {
    let listed = session.list("").await?;
    let suspects = suspect_packs(session.suspects());
    session.phase_begins(CheckPhase::Diagnosis, Some(suspects.len()));
    let objects = objects_of(&suspects, &listed);
    let mut planner = Planner::default();
    let mut bad = Vec::new();
    for pack in suspects {
        let Some(objects) = objects.get(&pack) else { continue };
        if examination.collections.condemned.is_condemned(pack) {
            // Its directory may be removed at this moment: a new one would stay behind.
            planner.leave(layout::directory_key(pack), "a collection is about to remove the pack".to_owned());
            continue;
        }
        if objects.directory.is_none() && is_alive(session, &examination.snapshots, &listed, pack) {
            planner.leave(layout::directory_key(pack), "its run is still in progress".to_owned());
            continue;
        }
        let bytes = objects.packs.iter().map(|(_, info)| info.size).fold(0, u64::saturating_add);
        let permit = session.reserve(bytes).await?;
        let diagnosis = diagnose(session, pack, objects).await?;
        drop(permit);
        session.progress(1, bytes);
        planner.take(pack, diagnosis, &mut bad);
    }
    planner.retire(examination, bad);
    let damaged = &examination.snapshots.damaged;
    plan_snapshots(session, damaged, &listed, copies, &mut planner.plan).await?;
    plan_parents(session, examination, &listed, &mut planner.plan).await?;
    planner.plan.left.sort();
    planner.plan.condemned = examination.collections.condemned.clone();
    Ok(planner.plan)
}

/// Returns the packs to be examined: those with a problem, or with a problem in their directory.
fn suspect_packs(suspects: BTreeSet<String>) -> BTreeSet<PackName> {
    let pack = |key: String| match classify(&key) {
        KeyForm::Pack(pack, _) | KeyForm::Directory(pack) => Some(pack),
        _ => None,
    };
    suspects.into_iter().filter_map(pack).collect()
}

fn objects_of(packs: &BTreeSet<PackName>, listed: &[ObjectInfo]) -> BTreeMap<PackName, PackObjects> {
    let mut objects: BTreeMap<PackName, PackObjects> = BTreeMap::new();
    for info in listed {
        match classify(&info.key) {
            KeyForm::Pack(pack, place) if packs.contains(&pack) => {
                objects.entry(pack).or_default().packs.push((place, info.clone()));
            }
            KeyForm::Directory(pack) if packs.contains(&pack) => {
                objects.entry(pack).or_default().directory = Some(info.clone());
            }
            _ => {}
        }
    }
    objects
}

/// Returns whether the run that writes a pack may still be active: it will write the directory itself.
///
/// A run is announced before it writes its first pack, so a pack without an announcement does not belong to
/// an active run. A wrong clock does no harm: the repair or the run creates the directory only if it does not
/// exist.
fn is_alive(session: &Session<'_>, snapshots: &Snapshots, listed: &[ObjectInfo], pack: PackName) -> bool {
    let run = pack.run;
    if let Some(refreshed) = snapshots.pending.get(&run) {
        let silence = session.options().now.duration_since(*refreshed);
        return silence.is_ok_and(|silence| silence < SILENCE_MAX);
    }
    let has_ended = snapshots.ended.contains(&run)
        || snapshots.complete.binary_search_by_key(&run, |snapshot| snapshot.run).is_ok()
        || snapshots.damaged.binary_search(&run).is_ok();
    let key = layout::snapshot_key(run);
    // It began after the check had read the snapshots.
    !has_ended && listed.binary_search_by(|info| info.key.cmp(&key)).is_ok()
}

/// A pack that goes into quarantine.
struct BadPack {
    pack: PackName,
    listed: Option<Arc<PackDirectory>>,
    sources: Vec<Source>,
    retired: Vec<StoredObject>,
}

/// A chunk of a kind in a pack of a group.
type StoredCopy = (u8, GroupId, ChunkId);

/// A plan in the making.
#[derive(Default)]
struct Planner {
    plan: RepairPlan,
    /// Chunks in packs that this plan knows to be intact, or writes itself.
    kept: HashSet<StoredCopy>,
}

impl Planner {
    fn leave(&mut self, key: String, reason: String) {
        self.plan.left.push((key, reason));
    }

    fn take(&mut self, pack: PackName, diagnosis: Diagnosis, bad: &mut Vec<BadPack>) {
        match diagnosis {
            Diagnosis::Whole => {}
            Diagnosis::Leave(key, reason) => self.leave(key, reason),
            Diagnosis::Unlisted { from, replaced, directory } => {
                self.keep(&directory);
                self.plan.steps.push(RepairStep::RebuildDirectory { pack, from, replaced });
            }
            Diagnosis::Misplaced { from, to, directory } => {
                self.keep(&directory);
                self.plan.steps.push(RepairStep::MovePack { pack, from, to });
            }
            Diagnosis::Bad { listed, sources, retired } => {
                bad.push(BadPack { pack, listed, sources, retired });
            }
        }
    }

    /// Notes that all chunks of a pack are available.
    fn keep(&mut self, directory: &PackDirectory) {
        self.kept.extend(directory.chunks.iter().map(|chunk| copy_of(directory, chunk.id)));
    }

    /// Plans the retirement of damaged packs: stores their intact data again, once, unless this check has
    /// read another copy that stays; those in condemned packs do not.
    fn retire(&mut self, examination: &Examination, bad: Vec<BadPack>) {
        let inventory = &examination.inventory;
        let condemned = &examination.collections.condemned;
        let listed = inventory.packs.iter().map(|pack| pack.name);
        let gone = listed.filter(|name| condemned.is_condemned(*name));
        let names: HashSet<PackName> = bad.iter().map(|bad| bad.pack).chain(gone).collect();
        for BadPack { pack, listed, sources, retired } in bad {
            let mut salvaged = Vec::new();
            for source in sources {
                let chunks = self.choose(inventory, &names, &source);
                if !chunks.is_empty() {
                    let Source { object, directory, .. } = source;
                    salvaged.push(SalvageSource { object, directory, chunks });
                }
            }
            let is_lost = |directory: &PackDirectory, id| {
                !self.kept.contains(&copy_of(directory, id))
                    && !is_verified(inventory, &names, directory.kind, directory.group, &id)
            };
            let chunks_lost = listed.map_or(0, |directory| {
                directory.chunks.iter().filter(|chunk| is_lost(&directory, chunk.id)).count() as u64
            });
            self.plan.steps.push(RepairStep::RetirePack { pack, sources: salvaged, retired, chunks_lost });
        }
    }

    /// Chooses the chunks to take from a source, sorted.
    fn choose(&mut self, inventory: &Inventory, bad: &HashSet<PackName>, source: &Source) -> Vec<ChunkId> {
        let directory = &source.directory;
        let blocks = source.whole.iter().map(|ordinal| &directory.blocks[*ordinal]);
        let mut chunks: Vec<ChunkId> = blocks
            .flat_map(|block| directory.block_chunks(block))
            .map(|chunk| chunk.id)
            .filter(|id| !is_verified(inventory, bad, directory.kind, directory.group, id))
            .filter(|id| self.kept.insert(copy_of(directory, *id)))
            .collect();
        chunks.sort_unstable();
        chunks
    }
}

fn copy_of(directory: &PackDirectory, id: ChunkId) -> StoredCopy {
    (directory.kind as u8, directory.group, id)
}

/// Returns whether this check has read a copy of a chunk, in a pack of the group, that stays. Copies that
/// were only listed do not count: they may be just as damaged.
fn is_verified(
    inventory: &Inventory,
    bad: &HashSet<PackName>,
    kind: ObjectKind,
    group: GroupId,
    id: &ChunkId,
) -> bool {
    inventory.table.copies(kind, id).any(|row| {
        let pack = &inventory.packs[row.pack() as usize];
        pack.group == group && pack.was_read && !bad.contains(&pack.name) && inventory.is_readable(row)
    })
}
