//! Snapshots that were forgotten while the check was running: data that only they need may be gone.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use icecore_format::{
    ids::RunId,
    layout,
    limits::RECORD_BYTES_MAX,
    snapshot::{Snapshot, SnapshotState},
};

use crate::{
    error::CheckError,
    log::read_log,
    report::{ProblemKind, SnapshotCheck},
    session::{Fetched, PROBLEMS_LISTED_MAX, Session},
};

/// What manifests need and no pack has.
#[derive(Debug, Default)]
pub(crate) struct Missing {
    /// Kind, object and detail; without an object at most [`PROBLEMS_LISTED_MAX`] of each kind.
    listed: BTreeSet<(ProblemKind, Option<String>, String)>,
    /// Number of those without an object, by kind.
    counts: BTreeMap<ProblemKind, u64>,
}

impl Missing {
    /// Returns whether nothing is missing.
    pub(crate) fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// Adds an object, or a chunk that is in none.
    pub(crate) fn add(&mut self, kind: ProblemKind, object: Option<String>, detail: String) {
        if object.is_none() {
            let count = self.counts.entry(kind).or_default();
            *count += 1;
            if *count > PROBLEMS_LISTED_MAX {
                return;
            }
        }
        self.listed.insert((kind, object, detail));
    }

    fn report(self, session: &Session<'_>) {
        for (kind, object, detail) in self.listed {
            session.report(kind, object.as_deref(), detail);
        }
        for (kind, count) in self.counts {
            session.report_more(kind, count.saturating_sub(PROBLEMS_LISTED_MAX));
        }
    }
}

/// Reports what is missing, unless only snapshots need it that were forgotten since they were listed. Leaves
/// these snapshots out of the result.
pub(crate) async fn report_missing(
    session: &Session<'_>,
    judged: &mut Vec<SnapshotCheck>,
    missing: Missing,
) -> Result<(), CheckError> {
    if missing.is_empty() {
        return Ok(());
    }
    let is_broken = |snapshot: &&SnapshotCheck| snapshot.opens && !snapshot.restorable;
    let broken: Vec<RunId> = judged.iter().filter(is_broken).map(|snapshot| snapshot.run).collect();
    let forgotten = find_forgotten(session, &broken).await?;
    for run in &forgotten {
        let detail = "the snapshot was forgotten during the check, and data of it was removed".to_owned();
        session.report(ProblemKind::ObjectVanished, Some(&layout::snapshot_key(*run)), detail);
    }
    judged.retain(|snapshot| !forgotten.contains(&snapshot.run));
    if broken.is_empty() || forgotten.len() < broken.len() {
        missing.report(session);
    }
    Ok(())
}

/// Returns which of these snapshots are not complete any more because somebody forgot them.
///
/// The log names a snapshot before its object is removed: an object that is missing for another reason is a
/// loss.
async fn find_forgotten(session: &Session<'_>, runs: &[RunId]) -> Result<BTreeSet<RunId>, CheckError> {
    let reading = stream::iter(runs.to_vec()).map(|run| async move {
        let range = 0..RECORD_BYTES_MAX.into();
        Ok::<_, CheckError>((run, session.get(&layout::snapshot_key(run), Some(range)).await?))
    });
    let mut reading = reading.buffer_unordered(session.concurrency());
    let (mut forgotten, mut absent) = (BTreeSet::new(), Vec::new());
    while let Some((run, fetched)) = reading.try_next().await? {
        match fetched {
            Fetched::Bytes(bytes) => {
                let opened = Snapshot::open(&session.share_keys(), run, &bytes);
                if opened.is_ok_and(|snapshot| matches!(snapshot.state, SnapshotState::Deleted(_))) {
                    forgotten.insert(run);
                }
            }
            Fetched::Absent => absent.push(run),
            Fetched::Unreadable(_) => {}
        }
    }
    if !absent.is_empty() {
        let log = read_log(session).await?;
        forgotten.extend(absent.into_iter().filter(|run| log.names_as_gone(*run)));
    }
    Ok(forgotten)
}
