//! Bringing a forgotten snapshot back.

use icecore_catalog::Catalog;
use icecore_format::{
    collection::{CollectionState, Condemned},
    history::SeenHistory,
    ids::{PackName, RunId},
    snapshot::{Completion, Snapshot, SnapshotOrigin, SnapshotState},
};
use icecore_repo::{
    collections::{self, StoredCollection},
    error::RepoError,
    lease::Lease,
    repository::Repository,
    snapshots,
};

use icecore_store::store::PutCondition;

use crate::{
    collector::put_record,
    error::{PruneError, PruneResult},
    marks::packs_of_one,
    pack_set::PackSet,
    survey::{Survey, survey},
};

/// Attempts to take packs out of records that others change at the same time.
const ATTEMPTS_MAX: u32 = 16;

/// Brings a deleted snapshot back, as a new snapshot with the same content and a new id; it is announced and
/// completed as every other one, so that a removal of packs either waits for it or has ended it.
///
/// Fails with [`PruneError::TooLate`] if something that it needs is being removed or gone.
pub fn undo(
    repository: &Repository,
    catalog: &mut Catalog,
    run: RunId,
    program: &str,
    seen: &SeenHistory,
) -> PruneResult<Snapshot> {
    let found = snapshots::list(repository, catalog)?;
    let Some(forgotten) = found.by_run(run) else { return Err(PruneError::TooLate { run }) };
    let SnapshotState::Deleted(completion) = &forgotten.state else {
        return Err(PruneError::NotForgotten { run });
    };
    let environment = repository.environment();
    let origin = SnapshotOrigin {
        run: environment.run_id_at(forgotten.origin.started),
        copy_of: Some(forgotten.origin.identity(repository.id())),
        program: program.to_owned(),
        ..forgotten.origin.clone()
    };
    let state = SnapshotState::Pending { refreshed: environment.now() };
    let mut lease = Lease::announce(repository.clone(), Snapshot { origin, state })?;
    let brought_back = bring_back(repository, catalog, &mut lease, forgotten, completion, seen);
    if let Err(error) = brought_back {
        lease.abort(&error.to_string())?;
        return Err(error);
    }
    Ok(lease.into_snapshot())
}

fn bring_back(
    repository: &Repository,
    catalog: &mut Catalog,
    lease: &mut Lease,
    forgotten: &Snapshot,
    completion: &Completion,
    seen: &SeenHistory,
) -> PruneResult<()> {
    let run = forgotten.origin.run;
    let surveyed = survey(repository, catalog, Some(lease.snapshot().origin.run), seen)?;
    let mut records = surveyed.records.clone();
    for _ in 0..ATTEMPTS_MAX {
        let needed = needed_packs(repository, catalog, &surveyed, &records, forgotten, completion)?;
        let Some(needed) = needed else { return Err(PruneError::TooLate { run }) };
        let names: Vec<PackName> = needed.iter().map(|number| surveyed.packs.get(number).name).collect();
        if rescue(repository, &records, &names)? {
            let completion = Completion { hold: None, ..completion.clone() };
            return Ok(lease.replace(SnapshotState::Complete(completion))?);
        }
        lease.refresh_if_due()?;
        records = collections::list(repository)?;
    }
    Err(RepoError::CollectionsChange.into())
}

/// Returns the packs that the snapshot needs, among those that are not being removed; nothing if they do not
/// suffice.
fn needed_packs(
    repository: &Repository,
    catalog: &mut Catalog,
    surveyed: &Survey,
    records: &[StoredCollection],
    forgotten: &Snapshot,
    completion: &Completion,
) -> PruneResult<Option<PackSet>> {
    let condemned = collections::condemned(records);
    let is_lost = |name: PackName| is_lost(records, &condemned, name);
    let packs = surveyed.packs.without(is_lost);
    let complete =
        Snapshot { origin: forgotten.origin.clone(), state: SnapshotState::Complete(completion.clone()) };
    let Some(set) = packs_of_one(repository, catalog, &packs, &complete)? else { return Ok(None) };
    let names = set.iter().map(|number| packs.get(number).name);
    Ok(Some(names.filter_map(|name| surveyed.packs.number(name)).collect()))
}

/// Returns whether a pack is being removed or may be stored again by a run that ended: a delayed delete of an
/// earlier collection would find it.
fn is_lost(records: &[StoredCollection], condemned: &Condemned, name: PackName) -> bool {
    let mut naming = records.iter().map(|stored| &stored.record).filter(|record| record.names_pack(name));
    let Some(record) = naming.next() else { return condemned.is_condemned(name) };
    let is_dead = condemned.dead_runs().iter().any(|dead| dead.run == name.run);
    // The record that condemned it says whether it could be used until then.
    let was_usable =
        || record.dead_runs.iter().any(|dead| dead.run == name.run && dead.usable.contains(&name.number));
    record.state == CollectionState::Sweeping || naming.next().is_some() || is_dead && !was_usable()
}

/// Takes packs out of all records in state condemned; returns whether nobody changed one of them meanwhile.
fn rescue(repository: &Repository, records: &[StoredCollection], names: &[PackName]) -> PruneResult<bool> {
    for stored in records.iter().filter(|stored| stored.record.state == CollectionState::Condemned) {
        let mut record = stored.record.clone();
        record.packs.retain(|pack| names.binary_search(&pack.name).is_err());
        if record != stored.record
            && put_record(repository, &record, PutCondition::Version(stored.version.clone()))?.is_none()
        {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
