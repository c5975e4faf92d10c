//! The whole check, step by step.

use std::sync::{Arc, atomic::AtomicBool};

use icecore_format::{ids::RunId, keys::Keys, layout};
use icecore_store::{ObjectInfo, Store};

use crate::{
    collections::{Collections, open_collections},
    directories::take_inventory,
    error::CheckError,
    events::CheckEvents,
    forgotten::report_missing,
    header::{check_header, check_slots},
    impact::judge,
    inventory::Inventory,
    links::check_links,
    log::{LogCheck, check_log, open_log},
    options::CheckOptions,
    packs::{PacksRead, read_packs},
    report::{CheckReport, ProblemKind, SnapshotCheck},
    session::Session,
    snapshots::{Snapshots, open_snapshots},
    walk::walk_manifests,
};

/// Verifies a repository: always its structure, and its data according to the options.
///
/// Writers and a pruner may be active meanwhile. Snapshots are listed before directories, and directories
/// before packs, so objects that are just being written never seem to be missing. Fails only if the store
/// fails or the caller cancels.
pub async fn check(
    store: Arc<dyn Store>,
    keys: &Keys,
    options: &CheckOptions,
    events: &dyn CheckEvents,
    cancel: &AtomicBool,
) -> Result<CheckReport, CheckError> {
    let session = Session::new(store, keys, options, events, cancel);
    let examination = examine(&session).await?;
    Ok(examination.into_report(session))
}

/// Everything that a check has found out, besides the problems, which the session has.
pub(crate) struct Examination {
    /// Packs that are about to be removed.
    pub(crate) collections: Collections,
    /// Packs and chunks.
    pub(crate) inventory: Arc<Inventory>,
    /// Snapshots.
    pub(crate) snapshots: Snapshots,
    /// Result for each snapshot.
    judged: Vec<SnapshotCheck>,
    /// Log records and snapshots as they were listed.
    listed: Vec<ObjectInfo>,
    log: LogCheck,
    packs_read: PacksRead,
    nodes: u64,
}

/// Carries out a check.
pub(crate) async fn examine(session: &Session<'_>) -> Result<Examination, CheckError> {
    // Before anything is read: a wrong option should not cost an hour.
    session.options().percent()?;
    check_header(session).await?;
    let lists_together = session.options().lists_together;
    let together = if lists_together { Some(session.list(layout::META_PREFIX).await?) } else { None };
    check_slots(session, list_below(session, together.as_deref(), layout::KEYS_PREFIX).await?).await?;
    let listed_log = list_below(session, together.as_deref(), layout::LOG_PREFIX).await?;
    let log = open_log(session, listed_log.clone()).await?;
    // Listed after the log: everything that the log names is complete by then.
    let listed = list_below(session, together.as_deref(), layout::SNAPSHOTS_PREFIX).await?;
    let snapshots = open_snapshots(session, listed.clone()).await?;
    let log = check_log(session, log, &snapshots).await?;
    let records = list_below(session, together.as_deref(), layout::GC_PREFIX).await?;
    let collections = open_collections(session, records).await?;
    let mut inventory = take_inventory(session, &collections).await?;
    let packs_read = read_packs(session, &mut inventory).await?;
    let inventory = Arc::new(inventory);
    let (graph, roots, missing) = walk_manifests(session, &inventory, &snapshots).await?;
    let graph = Arc::new(graph);
    check_links(session, &graph, &snapshots, &roots).await?;
    let mut judged = judge(&graph, &inventory, &snapshots, &roots);
    report_missing(session, &mut judged, missing).await?;
    report_marks(session, &judged);
    let nodes = graph.read_count();
    // A repair reads the objects again that it changes.
    session.retain_nothing();
    let listed = listed_log.into_iter().chain(listed).collect();
    Ok(Examination { collections, inventory, snapshots, judged, listed, log, packs_read, nodes })
}

/// Returns the objects below a prefix, from an earlier listing if there is one, else from a new one.
async fn list_below(
    session: &Session<'_>,
    listed: Option<&[ObjectInfo]>,
    prefix: &str,
) -> Result<Vec<ObjectInfo>, CheckError> {
    match listed {
        Some(listed) => Ok(listed.iter().filter(|info| info.key.starts_with(prefix)).cloned().collect()),
        None => session.list(prefix).await,
    }
}

/// Reports snapshots that are still marked as damaged although they are whole.
fn report_marks(session: &Session<'_>, judged: &[SnapshotCheck]) {
    for snapshot in judged {
        if let (true, Some(mark)) = (snapshot.restorable, snapshot.mark) {
            let detail = format!(
                "a repair marked {} of its files as damaged, but all their data is available again",
                mark.files
            );
            let key = layout::snapshot_key(snapshot.run);
            session.report(ProblemKind::SnapshotWholeAgain, Some(&key), detail);
        }
    }
}

impl Examination {
    /// Returns the result for the snapshot of a run.
    pub(crate) fn judged(&self, run: RunId) -> Option<&SnapshotCheck> {
        self.judged.iter().find(|judged| judged.run == run)
    }

    /// Ends the session and puts everything together.
    pub(crate) fn into_report(self, session: Session<'_>) -> CheckReport {
        let packs = &self.inventory.packs;
        let (problems, bytes_read) = session.finish();
        CheckReport {
            snapshots: self.judged,
            problems,
            packs: packs.len() as u64,
            packs_condemned: self.collections.condemned.packs().len() as u64,
            bytes: packs.iter().map(|pack| pack.bytes).fold(0, u64::saturating_add),
            blocks: packs.iter().map(|pack| u64::from(pack.blocks)).sum(),
            chunks: self.inventory.table.len() as u64,
            nodes: self.nodes,
            packs_read: self.packs_read.packs,
            packs_left: self.packs_read.packs_left,
            packs_archived: self.packs_read.packs_archived,
            bytes_archived: self.packs_read.bytes_archived,
            verified: self.packs_read.verified,
            bytes_read,
            log_records: self.log.records,
            listed: self.listed,
            snapshots_unnamed: self.log.unnamed,
            losses: self.log.losses,
        }
    }
}
