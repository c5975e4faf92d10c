//! Plans what to do with snapshots that do not open.

use std::collections::BTreeMap;

use bytes::Bytes;
use icecore_format::{
    ids::RunId,
    layout,
    limits::RECORD_BYTES_MAX,
    snapshot::{Snapshot, SnapshotState},
};
use icecore_store::ObjectInfo;

use super::plan::{RepairPlan, RepairStep, StoredObject};
use crate::{
    error::CheckError,
    keyspace::{KeyForm, classify},
    session::{Fetched, Session},
};

/// Adds the steps for the snapshots of the `damaged` runs to a plan.
pub(super) async fn plan_snapshots(
    session: &Session<'_>,
    damaged: &[RunId],
    listed: &[ObjectInfo],
    copies: &[Vec<u8>],
    plan: &mut RepairPlan,
) -> Result<(), CheckError> {
    let mut unopened = Vec::new();
    let mut known = BTreeMap::new();
    for run in damaged {
        let key = layout::snapshot_key(*run);
        let Ok(place) = listed.binary_search_by(|info| info.key.cmp(&key)) else { continue };
        let info = &listed[place];
        match read(session, *run, info).await? {
            Ok(object) => {
                // It may be the snapshot of another run that does not open either: the two were swapped.
                add_copy(session, &mut known, object);
                unopened.push((*run, info));
            }
            Err(reason) => plan.left.extend(reason.map(|reason| (key, reason))),
        }
    }
    for copy in copies {
        add_copy(session, &mut known, copy.clone().into());
    }
    if unopened.iter().any(|(run, _)| !known.contains_key(run)) {
        add_quarantined(session, &mut known, listed).await?;
    }
    for (run, info) in unopened {
        plan.steps.push(match known.remove(&run) {
            Some(object) => RepairStep::RestoreSnapshot { run, replaced: StoredObject::of(info), object },
            None => RepairStep::RetireSnapshot { run, object: StoredObject::of(info) },
        });
    }
    Ok(())
}

/// Adds snapshots that earlier repairs have moved into quarantine. If two snapshots were swapped, an
/// interrupted repair may already have put one into its right location, over the other one.
async fn add_quarantined(
    session: &Session<'_>,
    known: &mut BTreeMap<RunId, Bytes>,
    listed: &[ObjectInfo],
) -> Result<(), CheckError> {
    for info in listed.iter().filter(|info| info.size <= u64::from(RECORD_BYTES_MAX)) {
        let KeyForm::Quarantined(repair) = classify(&info.key) else { continue };
        if info.key.starts_with(&layout::quarantine_key(repair, layout::SNAPSHOTS_PREFIX))
            && let Fetched::Bytes(object) = session.get(&info.key, None).await?
        {
            add_copy(session, known, object);
        }
    }
    Ok(())
}

/// Reads a snapshot that did not open; the inner error says why it is left alone, if there is a reason to
/// report.
async fn read(
    session: &Session<'_>,
    run: RunId,
    info: &ObjectInfo,
) -> Result<Result<Bytes, Option<String>>, CheckError> {
    if info.size > u64::from(RECORD_BYTES_MAX) {
        return Ok(Err(Some(format!(
            "it has {} bytes; snapshots have at most {RECORD_BYTES_MAX}",
            info.size
        ))));
    }
    Ok(match session.get(&info.key, None).await? {
        Fetched::Bytes(object) => match Snapshot::open(session.keys(), run, &object) {
            Ok(_) => Err(None),
            Err(error) if error.is_corruption() => Ok(object),
            Err(error) => Err(Some(error.to_string())),
        },
        Fetched::Absent => Err(None),
        Fetched::Unreadable(reason) => Err(Some(reason)),
    })
}

/// Adds a sealed snapshot that opens, unless it is of a run that had not ended: nobody can continue that run.
fn add_copy(session: &Session<'_>, known: &mut BTreeMap<RunId, Bytes>, object: Bytes) {
    if let Ok(Snapshot { origin, state }) = Snapshot::open_any(session.keys(), &object)
        && !matches!(state, SnapshotState::Pending { .. })
    {
        known.entry(origin.run).or_insert(object);
    }
}
