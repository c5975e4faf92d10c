//! One removal of packs, from the survey to the end.

use icecore_catalog::Catalog;
use icecore_format::{history::SeenHistory, ids::RunId};
use icecore_repo::{collections::StoredCollection, log::LogAuthor, repository::Repository};

use crate::{
    collector::{Collector, SweepReport},
    error::{PruneError, PruneResult},
    live::LiveChunks,
    plan::{PruneOptions, PrunePlan, RecordPlan, RecordStep, plan},
    repack::{self, RepackPlan, RepackReport},
    survey::{Doubt, Survey, is_pending, survey},
};

/// Surveys before it gives up, if other collectors or rescues are faster each time.
const ROUNDS_MAX: usize = 8;

/// What a removal of packs did.
#[derive(Debug, Default)]
pub struct PruneReport {
    /// The plan of the last survey, of which nothing but waiting is left, or everything if there were doubts.
    pub plan: PrunePlan,
    /// Why nothing was removed.
    pub doubts: Vec<Doubt>,
    /// Packs that were condemned.
    pub packs_condemned: usize,
    /// Their length in bytes, with their directories.
    pub bytes_condemned: u64,
    /// What was repacked.
    pub repacked: RepackReport,
    /// What was removed.
    pub swept: SweepReport,
    /// Runs that were ended.
    pub runs_fenced: usize,
    /// The author of the log with its last record.
    pub author: Option<LogAuthor>,
}

/// Removes what nothing needs: condemns packs, and sweeps what was condemned and whose time has come. With a
/// grace period of zero, and if no other run is under way, both happen in one go.
pub fn prune(
    repository: &Repository,
    catalog: &mut Catalog,
    author: LogAuthor,
    seen: &SeenHistory,
    options: &PruneOptions,
    shown: impl FnMut(&Survey, &PrunePlan),
) -> PruneResult<PruneReport> {
    let mut collector = Collector::announce(repository, catalog, author)?;
    let mut report = PruneReport::default();
    let result = rounds(&mut collector, repository, seen, options, &mut report, shown);
    report.author = Some(collector.author().clone());
    let finished = collector.finish();
    result.and(finished).map(|()| report)
}

fn rounds(
    collector: &mut Collector<'_>,
    repository: &Repository,
    seen: &SeenHistory,
    options: &PruneOptions,
    report: &mut PruneReport,
    mut shown: impl FnMut(&Survey, &PrunePlan),
) -> PruneResult<()> {
    let own = collector.run();
    let look = |collector: &mut Collector<'_>| {
        steady(|| {
            collector.refresh_if_due()?;
            survey(repository, collector.catalog(), Some(own), seen)
        })
    };
    let mut surveyed = look(collector)?;
    require_pending(&surveyed, options)?;
    if let Some((repack, live)) = to_repack(repository, collector.catalog(), &surveyed, Some(own), options)?
        && !repack.is_empty()
    {
        let planned = PrunePlan { repack: Some(repack.clone()), ..plan(&surveyed, Some(own), options, &[]) };
        shown(&surveyed, &planned);
        report.repacked = collector.repack(&surveyed, &repack, &live)?;
        surveyed = look(collector)?;
    }
    for _ in 0..ROUNDS_MAX {
        let plan = plan(&surveyed, Some(own), options, &report.repacked.packs);
        shown(&surveyed, &plan);
        if !carry_out(collector, surveyed, plan, options, report)? {
            break;
        }
        surveyed = look(collector)?;
    }
    Ok(())
}

/// Surveys again while there are doubts and they change: another collector may remove what this one has just
/// listed. Doubts about a damaged repository stay the same.
fn steady(mut survey: impl FnMut() -> PruneResult<Survey>) -> PruneResult<Survey> {
    let words = |surveyed: &PruneResult<Survey>| match surveyed {
        Ok(surveyed) => surveyed.doubts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        Err(error) => vec![format!("{error:?}")],
    };
    let is_clear = |surveyed: &PruneResult<Survey>| match surveyed {
        Ok(surveyed) => surveyed.doubts.is_empty(),
        Err(PruneError::Directories { .. }) => false,
        Err(_) => true,
    };
    let mut surveyed = survey();
    for _ in 1..ROUNDS_MAX {
        if is_clear(&surveyed) {
            break;
        }
        let again = survey();
        let is_same = words(&again) == words(&surveyed);
        surveyed = again;
        if is_same {
            break;
        }
    }
    surveyed
}

/// Finds the packs that are worth repacking; nothing if nobody is to look, nothing may be condemned, or packs
/// go meanwhile.
fn to_repack(
    repository: &Repository,
    catalog: &mut Catalog,
    survey: &Survey,
    own: Option<RunId>,
    options: &PruneOptions,
) -> PruneResult<Option<(RepackPlan, LiveChunks)>> {
    let mut others = survey.snapshots.snapshots.iter().filter(|snapshot| Some(snapshot.origin.run) != own);
    if options.single_writer && others.any(is_pending) {
        return Ok(None);
    }
    match repack::find(repository, catalog, survey, &options.repack) {
        // The survey had all directories, so another collector has removed packs since: who removes packs next
        // looks again.
        Err(PruneError::Directories { .. }) => Ok(None),
        found => found,
    }
}

/// Refuses runs that the operator names and that are not in progress.
fn require_pending(survey: &Survey, options: &PruneOptions) -> PruneResult<()> {
    let is_pending = |run: RunId| survey.snapshots.by_run(run).is_some_and(is_pending);
    match options.ended_runs.iter().find(|run| !is_pending(**run)) {
        Some(run) => Err(PruneError::NotPending { run: *run }),
        None => Ok(()),
    }
}

/// Finds out what a removal of packs would do, and writes nothing. Fails as [`prune`] does.
pub fn plan_only(
    repository: &Repository,
    catalog: &mut Catalog,
    seen: &SeenHistory,
    options: &PruneOptions,
) -> PruneResult<(Survey, PrunePlan)> {
    let surveyed = steady(|| survey(repository, catalog, None, seen))?;
    require_pending(&surveyed, options)?;
    let repack = to_repack(repository, catalog, &surveyed, None, options)?.map(|(plan, _)| plan);
    let planned = PrunePlan { repack, ..plan(&surveyed, None, options, &[]) };
    Ok((surveyed, planned))
}

/// Does what is planned; returns whether another round may do more.
fn carry_out(
    collector: &mut Collector<'_>,
    surveyed: Survey,
    mut planned: PrunePlan,
    options: &PruneOptions,
    report: &mut PruneReport,
) -> PruneResult<bool> {
    let mut goes_on = false;
    for run in &planned.fenced {
        let is_ended = collector.fence(&surveyed, *run)?;
        report.runs_fenced += usize::from(is_ended);
        goes_on |= is_ended;
    }
    for (stored, planned) in surveyed.records.iter().zip(&planned.records) {
        goes_on |= advance(collector, &surveyed, stored, planned, report)?;
    }
    for run in &planned.cleared {
        collector.clear(&surveyed, *run)?;
    }
    if let Some(new) = planned.condemned.take() {
        let (packs, bytes) = (new.packs.len(), new.bytes);
        goes_on |= match collector.condemn(&surveyed, new)? {
            Some(stored) => {
                report.packs_condemned += packs;
                report.bytes_condemned += bytes;
                collector.note_waiting(&stored)?;
                options.grace.is_zero()
            }
            None => true,
        };
    }
    report.doubts = surveyed.doubts;
    report.plan = planned;
    Ok(goes_on)
}

/// Takes the next step of one record; returns whether another round may take one more.
fn advance(
    collector: &mut Collector<'_>,
    survey: &Survey,
    stored: &StoredCollection,
    planned: &RecordPlan,
    report: &mut PruneReport,
) -> PruneResult<bool> {
    match &planned.step {
        RecordStep::NoteWaiting => {
            collector.note_waiting(stored)?;
            Ok(true)
        }
        RecordStep::Sweep => {
            let mut planned = planned.clone();
            planned.spared.extend(collector.unproven(survey, &planned)?);
            planned.spared.sort_unstable();
            let Some(swept) = collector.sweep(survey, stored, &planned)? else { return Ok(true) };
            let is_done = swept.failed.is_empty();
            report.swept.add(swept);
            Ok(is_done)
        }
        RecordStep::Close => {
            collector.close(stored)?;
            Ok(false)
        }
        RecordStep::Wait { .. } | RecordStep::Grace { .. } | RecordStep::Stay => {
            if !planned.spared.is_empty() || !planned.spared_snapshots.is_empty() {
                collector.spare(stored, planned)?;
            }
            Ok(false)
        }
    }
}

#[cfg(test)]
mod tests;
