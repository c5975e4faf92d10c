//! Surveys the repository, and removes what no snapshot needs.

use std::time::Duration;

use icecore_access::{AccessMode, OpenRepository, RepositoryAccess, Usage};
use icecore_prune::{
    Doubt, PruneError, PruneOptions, PrunePlan, REPACK_BYTES_MAX, RepackOptions, RepackReport, SweepReport,
    plan_only, prune,
};
use icecore_witness::{Watch, WitnessSettings};

use super::PruneRequest;
use crate::error::{OperationError, OperationResult};

/// What a removal of packs did.
#[derive(Debug)]
pub struct Pruned {
    /// What is left to do, or what would be done.
    pub plan: PrunePlan,
    /// Why nothing was removed.
    pub doubts: Vec<Doubt>,
    /// Whether only to report what would be removed.
    pub dry_run: bool,
    /// Time between condemning packs and removing them.
    pub grace: Duration,
    /// Packs that were condemned: they go after the grace period.
    pub packs_condemned: usize,
    /// Their length in bytes, with their directories.
    pub bytes_condemned: u64,
    /// What was repacked.
    pub repacked: RepackReport,
    /// What was removed.
    pub swept: SweepReport,
    /// Runs that were ended because they showed no sign of life.
    pub runs_fenced: usize,
    /// Usage of the store.
    pub usage: Usage,
}

/// Removes packs that no snapshot needs, beside running backups. `shown` gets each plan before it is carried
/// out; there is nothing to plan while something speaks against removing anything.
pub fn run(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    request: &PruneRequest,
    mut shown: impl FnMut(&PrunePlan),
) -> OperationResult<Pruned> {
    let mode = if request.dry_run { AccessMode::Read } else { AccessMode::Write };
    let mut open = access.open(mode)?;
    let (mut watch, _) = Watch::begin(witness, &open.repository, &mut open.catalog)?;
    watch.tell();
    watch.save(&open.repository);
    let single_writer = open.s3.as_ref().is_some_and(|s3| s3.is_single_writer());
    let ended_runs = request.ended_runs.clone();
    let repack = RepackOptions {
        bytes_max: request.max_repack.unwrap_or(REPACK_BYTES_MAX),
        is_asked: request.max_repack.is_some(),
    };
    let options =
        PruneOptions { grace: request.grace, ended_runs, single_writer, repack, ..PruneOptions::default() };
    if request.dry_run {
        return preview(open, &watch, &options);
    }
    let OpenRepository { repository, mut catalog, usage, .. } = open;
    let (author, seen) = (watch.author().clone(), watch.seen());
    let report = prune(&repository, &mut catalog, author, seen, &options, |survey, plan| {
        if survey.doubts.is_empty() {
            shown(plan);
        }
    })?;
    if let Some(author) = report.author {
        watch.continue_after(author, &repository, &mut catalog)?;
        watch.save(&repository);
    }
    Ok(Pruned {
        plan: report.plan,
        doubts: report.doubts,
        dry_run: false,
        grace: options.grace,
        packs_condemned: report.packs_condemned,
        bytes_condemned: report.bytes_condemned,
        repacked: report.repacked,
        swept: report.swept,
        runs_fenced: report.runs_fenced,
        usage,
    })
}

fn preview(open: OpenRepository, watch: &Watch, options: &PruneOptions) -> OperationResult<Pruned> {
    let OpenRepository { repository, mut catalog, usage, .. } = open;
    let (survey, plan) = plan_only(&repository, &mut catalog, watch.seen(), options)?;
    Ok(Pruned {
        plan,
        doubts: survey.doubts,
        dry_run: true,
        grace: options.grace,
        packs_condemned: 0,
        bytes_condemned: 0,
        repacked: RepackReport::default(),
        swept: SweepReport::default(),
        runs_fenced: 0,
        usage,
    })
}

impl From<PruneError> for OperationError {
    fn from(error: PruneError) -> Self {
        match error {
            PruneError::Repo(error) => error.into(),
            error => Self::Prune(Box::new(error)),
        }
    }
}
