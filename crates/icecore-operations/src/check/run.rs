//! Composes the check, the repair, the log, and the state of this host.

use std::sync::Arc;

use icecore_access::{OpenRepository, OpenStore, RepositoryAccess, unlock};
use icecore_catalog::Catalog;
use icecore_check::{CheckEvents, CheckOptions, CheckReport};
use icecore_repo::{repository::Repository, snapshots};
use icecore_witness::{Recollection, WitnessSettings};

use super::{
    CheckRequest, Checked, Reading, lifecycle,
    next_commands::{Stage, next_commands},
    past::{self, Accepts},
    repair::{self, Repair},
    verifications,
};
use crate::error::OperationResult;

/// Receives the progress of a check.
pub trait CheckReceiver {
    /// Begins: the repository is unlocked, and is read now. The returned receiver is dropped when everything
    /// is read.
    fn begin(&self) -> Box<dyn CheckEvents>;
}

/// Checks the repository.
pub fn run(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    request: &CheckRequest,
    receiver: &dyn CheckReceiver,
) -> OperationResult<Checked> {
    let store = access.open_store(request.access_mode())?;
    let repository = unlock::unlock(access, &store)?;
    let recollection = Recollection::recall(witness, repository.id());
    let mut catalog = access.open_catalog(repository.id())?;
    let mut options = options(access, request, &catalog)?;
    options.seen = recollection.history().clone();
    options.fetched = repository.objects();
    options.lists_together = store.s3.is_some() && icecore_repo::listing::is_one_page(&catalog);
    let events = receiver.begin();
    let (mut report, repair) =
        read(access, request, &store, &repository, &mut catalog, &options, events.as_ref())?;
    drop(events);
    report.problems.extend(lifecycle::harmful_rules(access, store.s3.as_deref()));
    verifications::keep(&mut catalog, &report.verified, options.now);
    let open = OpenRepository { repository, catalog, usage: store.usage(), s3: store.s3.clone() };
    conclude(access, witness, request, recollection, open, report, repair)
}

/// Returns the options for the engine.
fn options(
    access: &RepositoryAccess,
    request: &CheckRequest,
    catalog: &Catalog,
) -> OperationResult<CheckOptions> {
    let environment = &access.machine.environment;
    let now = environment.clock.now();
    let mut options = CheckOptions::new(now);
    match request.reading {
        Reading::Nothing => {}
        Reading::Everything => options.read_data = true,
        Reading::Part { sample_percent, within } => {
            let length = |span| verifications::length(span, now, &access.machine.zone);
            options.sample_percent = sample_percent;
            options.within = within.map(length).transpose()?;
        }
    }
    options.verified = verifications::load(catalog);
    options.pool = Some(Arc::clone(&environment.workers));
    environment.entropy.fill(&mut options.seed);
    Ok(options)
}

/// Reads the repository, and repairs it on request.
fn read(
    access: &RepositoryAccess,
    request: &CheckRequest,
    store: &OpenStore,
    repository: &Repository,
    catalog: &mut Catalog,
    options: &CheckOptions,
    events: &dyn CheckEvents,
) -> OperationResult<(CheckReport, Option<Repair>)> {
    if let Some(mode) = request.repair {
        let (report, repair) = repair::repair(access, store, repository, catalog, options, events, mode)?;
        return Ok((report, Some(repair)));
    }
    let (store, environment) = (Arc::clone(&store.store), &access.machine.environment);
    let check = icecore_check::check(store, repository.keys(), options, events, &environment.cancelled);
    Ok((environment.runtime.block_on(check)?, None))
}

/// Compares the findings with the log and the state of this host, and chooses the next commands.
fn conclude(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    request: &CheckRequest,
    recollection: Recollection,
    mut open: OpenRepository,
    mut report: CheckReport,
    repair: Option<Repair>,
) -> OperationResult<Checked> {
    let accepts = Accepts {
        everything: request.accepts_rollback,
        snapshots: repair.as_ref().map_or(&[], Repair::snapshots_lost),
        mended: repair.as_ref().map_or(&[], Repair::snapshots_mended),
    };
    let zone = &access.machine.zone;
    let (mut past, mut watch) = past::look(witness, zone, recollection, &mut open, &mut report, &accepts)?;
    // Names for damaged snapshots; without them, ids have to be enough.
    let list = if repair.is_some() || request.accepts_rollback {
        snapshots::list(&open.repository, &mut open.catalog)
    } else {
        snapshots::list_from(&open.repository, &mut open.catalog, &report.listed)
    };
    let list = list.unwrap_or_default();
    watch.see(&list);
    past.arrival = watch.arrive(&open.repository, &mut open.catalog, &list)?;
    watch.save(&open.repository);
    let (stage, present) = (Stage::of(repair.as_ref()), past::without_losses(&report));
    Ok(Checked {
        repository: access.location()?.to_string(),
        next: next_commands(request.reads_data(), stage, &present, &list),
        unreadable: watch.unreadable(&list).filter_map(|(_, named)| named.first().cloned()).collect(),
        report,
        repair,
        past,
        list,
        usage: open.usage,
    })
}
