//! Opens all snapshots.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use futures_util::{StreamExt, TryStreamExt, stream};
use icecore_format::{
    error::FormatResult,
    history::{Standing, Witness},
    ids::{GroupId, RunId},
    limits::RECORD_BYTES_MAX,
    log::snapshot_digest,
    snapshot::{Completion, DedupScope, Snapshot, SnapshotState},
};
use icecore_store::ObjectInfo;

use crate::{
    error::CheckError,
    events::CheckPhase,
    keyspace::{KeyForm, classify},
    report::ProblemKind,
    session::{Opened, Session},
};

/// State of each snapshot object.
pub(crate) type Standings = BTreeMap<RunId, Standing>;

/// A complete snapshot.
#[derive(Clone, Debug)]
pub(crate) struct CompleteSnapshot {
    /// Run that made it.
    pub(crate) run: RunId,
    /// Group that all its packs must belong to; none if it may refer to every pack.
    pub(crate) scope: Option<GroupId>,
    /// What it refers to.
    pub(crate) completion: Completion,
}

/// All snapshots that can be, or could have been, restored.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    /// Complete ones, sorted by run.
    pub(crate) complete: Vec<CompleteSnapshot>,
    /// Runs whose snapshot does not open, sorted.
    pub(crate) damaged: Vec<RunId>,
    /// Runs that are in progress or were killed, and when they last refreshed their snapshot, by the store's
    /// clock.
    pub(crate) pending: BTreeMap<RunId, SystemTime>,
    /// Runs that ended without a snapshot, or whose snapshot was deleted.
    pub(crate) ended: BTreeSet<RunId>,
    /// State of each object.
    pub(crate) standings: Standings,
    /// The complete ones, in the form that is compared with the log.
    pub(crate) witnesses: Vec<Witness>,
}

/// Opens the snapshots among the listed objects.
pub(crate) async fn open_snapshots(
    session: &Session<'_>,
    listed: Vec<ObjectInfo>,
) -> Result<Snapshots, CheckError> {
    let named = listed.into_iter().filter_map(|info| match classify(&info.key) {
        KeyForm::Snapshot(run) => Some((run, info)),
        _ => None,
    });
    let named: Vec<_> = named.collect();
    session.phase_begins(CheckPhase::Snapshots, Some(named.len()));
    let opening = stream::iter(named).map(|(run, info)| open_snapshot(session, run, info));
    let mut opening = opening.buffer_unordered(session.concurrency());
    let mut snapshots = Snapshots::default();
    while let Some((run, opened, standing, witness)) = opening.try_next().await? {
        snapshots.standings.extend(standing.map(|standing| (run, standing)));
        snapshots.witnesses.extend(witness);
        match opened {
            OpenedSnapshot::Complete(snapshot) => snapshots.complete.push(*snapshot),
            OpenedSnapshot::Damaged => snapshots.damaged.push(run),
            OpenedSnapshot::Pending(refreshed) => _ = snapshots.pending.insert(run, refreshed),
            OpenedSnapshot::Ended => _ = snapshots.ended.insert(run),
            OpenedSnapshot::Vanished => {}
        }
    }
    snapshots.complete.sort_unstable_by_key(|snapshot| snapshot.run);
    snapshots.damaged.sort_unstable();
    Ok(snapshots)
}

/// Result of opening a snapshot.
enum OpenedSnapshot {
    Complete(Box<CompleteSnapshot>),
    Damaged,
    Pending(SystemTime),
    Ended,
    Vanished,
}

async fn open_snapshot(
    session: &Session<'_>,
    run: RunId,
    info: ObjectInfo,
) -> Result<(RunId, OpenedSnapshot, Option<Standing>, Option<Witness>), CheckError> {
    let keys = session.share_keys();
    let opened =
        session.open(&info, RECORD_BYTES_MAX.into(), move |object| Snapshot::open(&keys, run, object));
    let opened = opened.await?;
    session.progress(1, info.size);
    Ok(match opened {
        Opened::Value(snapshot) => {
            let (standing, witness) = (standing(&snapshot), snapshot.as_ref().ok().and_then(Witness::of));
            (run, sort_by_state(session, &info, snapshot), Some(standing), witness)
        }
        Opened::Vanished => (run, OpenedSnapshot::Vanished, None, None),
        Opened::Unreadable => (run, OpenedSnapshot::Damaged, Some(Standing::Unreadable), None),
    })
}

fn standing(snapshot: &FormatResult<Snapshot>) -> Standing {
    let Ok(snapshot) = snapshot else { return Standing::Unreadable };
    match (snapshot_digest(snapshot), &snapshot.state) {
        (Some(digest), _) => Standing::Complete(digest),
        (None, SnapshotState::Deleted(_)) => Standing::Deleted,
        (None, _) => Standing::Unfinished,
    }
}

fn sort_by_state(
    session: &Session<'_>,
    info: &ObjectInfo,
    snapshot: FormatResult<Snapshot>,
) -> OpenedSnapshot {
    match snapshot {
        Ok(Snapshot { origin, state: SnapshotState::Complete(completion) }) => {
            let scope = (origin.dedup == DedupScope::Group).then_some(origin.group);
            OpenedSnapshot::Complete(Box::new(CompleteSnapshot { run: origin.run, scope, completion }))
        }
        Ok(Snapshot { origin, state: SnapshotState::Pending { .. } }) => {
            // By the store's clock; a writer's clock may be wrong.
            let age = session.options().now.duration_since(info.modified).unwrap_or(Duration::ZERO);
            let detail = format!(
                "the run of source {:?} on host {:?} is still in progress or was killed; it was last refreshed {} seconds ago",
                origin.source,
                origin.host,
                age.as_secs()
            );
            session.report(ProblemKind::SnapshotPending, Some(&info.key), detail);
            OpenedSnapshot::Pending(info.modified)
        }
        Ok(_) => OpenedSnapshot::Ended,
        Err(error) => {
            session.report_format(ProblemKind::SnapshotDamaged, &info.key, &error);
            OpenedSnapshot::Damaged
        }
    }
}
