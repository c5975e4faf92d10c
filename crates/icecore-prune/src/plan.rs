//! What a removal of packs would do: a pure function of a survey.

mod candidates;
mod new_record;
mod objects;
mod planner;
mod repeated;
mod runs;

use std::time::{Duration, SystemTime};

use icecore_format::{
    collection::{CollectedPack, DeadRun},
    entry::Time,
    ids::{CollectionNumber, PackName, RunId},
};

pub use self::candidates::{KeptPacks, WhyKept};
pub(crate) use self::objects::{noted_objects, renewed};
use self::planner::Planner;
use crate::{
    repack::{REPACK_BYTES_MAX, RepackOptions, RepackPlan},
    survey::Survey,
};

/// Time between the record of a collection and its sweep, unless somebody chooses another.
pub const GRACE: Duration = Duration::from_hours(24);

/// How packs are removed.
#[derive(Clone, Debug)]
pub struct PruneOptions {
    /// Time between the record of a collection and its sweep.
    pub grace: Duration,
    /// A run that shows no sign of life for this long is ended, if a collection waits for it.
    pub fence_after: Duration,
    /// Uploads of a run that was interrupted are kept for this long, unless a later run of its source
    /// completed.
    pub resumable_for: Duration,
    /// Runs that the operator says are not alive any more.
    pub ended_runs: Vec<RunId>,
    /// Only a single writer is allowed, and the store decides no races: nothing is condemned or swept while
    /// another run is pending, and no run is ended.
    pub single_writer: bool,
    /// What may be repacked.
    pub repack: RepackOptions,
}

impl Default for PruneOptions {
    /// Returns a grace period of a day, runs that are ended after a day, and 30 days for interrupted runs.
    fn default() -> Self {
        Self {
            grace: GRACE,
            fence_after: Duration::from_hours(24),
            resumable_for: Duration::from_hours(24 * 30),
            ended_runs: Vec::new(),
            single_writer: false,
            repack: RepackOptions { bytes_max: REPACK_BYTES_MAX, is_asked: false },
        }
    }
}

/// What happens next with the record of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordStep {
    /// The list of the runs that it waits for is made.
    NoteWaiting,
    /// It waits for runs that are pending.
    Wait {
        /// The runs.
        runs: Vec<RunId>,
    },
    /// It waits for the end of the grace period.
    Grace {
        /// Time of the store's clock when it ends.
        until: SystemTime,
    },
    /// Its packs are removed.
    Sweep,
    /// Nothing of it is left: the record is removed.
    Close,
    /// Nothing of it is left, but the record says what is still to be known.
    Stay,
}

/// A run that records wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitedRun {
    /// The run.
    pub run: RunId,
    /// Host that it runs on.
    pub host: String,
    /// Name of its source, or what it is for (`repair`).
    pub source: String,
    /// When it started, by its clock.
    pub started: Time,
    /// When it last showed that it is alive, by the store's clock.
    pub alive: SystemTime,
}

/// What happens with the record of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPlan {
    /// Number of the collection.
    pub number: CollectionNumber,
    /// Packs that are needed after all and are taken out of the record.
    pub spared: Vec<PackName>,
    /// Packs that snapshots need and that were repacked: the sweep proves that other packs hold copies.
    pub to_prove: Vec<PackName>,
    /// Snapshots that are not deleted after all and are taken out of the record.
    pub spared_snapshots: Vec<RunId>,
    /// What happens next.
    pub step: RecordStep,
    /// Packs whose objects are listed, without those that are spared: what is removed in the end.
    pub packs: usize,
    /// Their length in bytes, with their directories.
    pub bytes: u64,
}

/// A new record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRecord {
    /// Packs that nothing needs.
    pub packs: Vec<CollectedPack>,
    /// Their length in bytes, with their directories.
    pub bytes: u64,
    /// Snapshots in state *deleted* whose objects go with them.
    pub deleted: Vec<RunId>,
    /// Runs that ended without a snapshot, with their packs that may be used.
    pub dead_runs: Vec<DeadRun>,
    /// Runs whose snapshot objects are gone or about to go, and of which there are packs.
    pub cleared_runs: Vec<RunId>,
}

/// What a removal of packs would do.
#[derive(Clone, Debug, Default)]
pub struct PrunePlan {
    /// Runs that are ended, because they show no sign of life.
    pub fenced: Vec<RunId>,
    /// What happens with existing records, by number.
    pub records: Vec<RecordPlan>,
    /// The runs that they wait for, by name.
    pub waited: Vec<WaitedRun>,
    /// The record that is added, if there is a reason for one.
    pub condemned: Option<NewRecord>,
    /// Interrupted runs whose objects are removed: nothing else of them is left.
    pub cleared: Vec<RunId>,
    /// Unused packs that are kept, and why.
    pub kept: Vec<KeptPacks>,
    /// What is repacked, if somebody looked.
    pub repack: Option<RepackPlan>,
    /// Packs that snapshots need: their number, and their length in bytes with their directories.
    pub needed: (usize, u64),
}

/// Plans for the run `own`, if there is one. `repacked` are packs whose needed chunks are in other packs now,
/// by name. With doubts, the plan is empty but for what is needed.
pub fn plan(survey: &Survey, own: Option<RunId>, options: &PruneOptions, repacked: &[PackName]) -> PrunePlan {
    let live = survey.marks.all();
    let bytes = live.iter().map(|number| survey.packs.get(number).stored_bytes()).sum();
    let needed = (live.len(), bytes);
    if !survey.doubts.is_empty() {
        return PrunePlan { needed, ..PrunePlan::default() };
    }
    let planner = Planner::new(survey, own, options, live);
    let records: Vec<RecordPlan> = survey.records.iter().map(|stored| planner.record(stored)).collect();
    let (candidates, kept) = candidates::find(&planner, repacked);
    PrunePlan {
        fenced: runs::fenced(&planner, &records),
        condemned: new_record::new_record(&planner, &records, candidates),
        cleared: runs::cleared(&planner),
        waited: runs::waited(&planner, &records),
        records,
        kept,
        repack: None,
        needed,
    }
}
