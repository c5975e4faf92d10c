//! One removal of packs, from the survey to the end.

use icecore_catalog::Catalog;
use icecore_format::{history::SeenHistory, ids::CollectionNumber};
use icecore_repo::{collections::StoredCollection, log::LogAuthor, repository::Repository};

use crate::{
    collector::{Collector, SweepReport},
    error::PruneResult,
    plan::{PruneOptions, PrunePlan, RecordPlan, RecordStep, plan},
    survey::{Doubt, Survey, survey},
};

/// Surveys before it gives up, if other collectors or rescues are faster each time.
const ROUNDS_MAX: usize = 8;

/// What happens while packs are removed.
#[derive(Debug)]
pub enum PruneEvent<'a> {
    /// The repository was surveyed, and this is about to be done.
    Planned {
        /// What was found.
        survey: &'a Survey,
        /// What is about to be done.
        plan: &'a PrunePlan,
    },
    /// A record was swept.
    Swept {
        /// Number of the collection.
        number: CollectionNumber,
        /// What was removed.
        report: &'a SweepReport,
    },
}

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
    mut events: impl FnMut(PruneEvent<'_>) -> PruneResult<()>,
) -> PruneResult<PruneReport> {
    let mut collector = Collector::announce(repository, catalog, author)?;
    let mut report = PruneReport::default();
    let mut result = Ok(());
    for _ in 0..ROUNDS_MAX {
        match round(&mut collector, repository, seen, options, &mut report, &mut events) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    report.author = Some(collector.author().clone());
    let finished = collector.finish();
    result.and(finished).map(|()| report)
}

/// Finds out what a removal of packs would do, and writes nothing.
pub fn plan_only(
    repository: &Repository,
    catalog: &mut Catalog,
    seen: &SeenHistory,
    options: &PruneOptions,
) -> PruneResult<(Survey, PrunePlan)> {
    let surveyed = survey(repository, catalog, None, seen)?;
    let planned = plan(&surveyed, None, options);
    Ok((surveyed, planned))
}

/// Surveys, plans and does what is planned; returns whether another round may do more.
fn round(
    collector: &mut Collector<'_>,
    repository: &Repository,
    seen: &SeenHistory,
    options: &PruneOptions,
    report: &mut PruneReport,
    events: &mut impl FnMut(PruneEvent<'_>) -> PruneResult<()>,
) -> PruneResult<bool> {
    collector.refresh_if_due()?;
    let own = collector.run();
    let mut surveyed = survey(repository, collector.catalog(), Some(own), seen)?;
    let mut planned = plan(&surveyed, Some(own), options);
    events(PruneEvent::Planned { survey: &surveyed, plan: &planned })?;
    let mut goes_on = false;
    for run in &planned.fenced {
        let is_ended = collector.fence(&surveyed, *run)?;
        report.runs_fenced += usize::from(is_ended);
        goes_on |= is_ended;
    }
    for (stored, planned) in surveyed.records.iter().zip(&planned.records) {
        goes_on |= advance(collector, &surveyed, stored, planned, report, events)?;
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
    report.doubts = std::mem::take(&mut surveyed.doubts);
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
    events: &mut impl FnMut(PruneEvent<'_>) -> PruneResult<()>,
) -> PruneResult<bool> {
    match &planned.step {
        RecordStep::NoteWaiting => {
            collector.note_waiting(stored)?;
            Ok(true)
        }
        RecordStep::Sweep => {
            let Some(swept) = collector.sweep(survey, stored, planned)? else { return Ok(true) };
            let number = stored.record.number;
            events(PruneEvent::Swept { number, report: &swept })?;
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
