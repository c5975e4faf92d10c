//! The whole check, step by step.

use std::sync::{Arc, atomic::AtomicBool};

use icecore_format::{keys::Keys, layout};
use icecore_store::Store;

use crate::{
    directories::take_inventory,
    error::CheckError,
    events::CheckEvents,
    header::{check_header, check_slots},
    impact::judge,
    inventory::Inventory,
    links::check_links,
    log::{LogCheck, check_log, read_log},
    options::CheckOptions,
    packs::{PacksRead, read_packs},
    report::{CheckReport, ProblemKind, SnapshotCheck},
    session::Session,
    snapshots::{Snapshots, open_snapshots},
    walk::walk_manifests,
};

/// Verifies a repository: its structure always, its data as the options ask.
///
/// Writers and a pruner may be at work meanwhile: snapshots are listed before directories, and directories before packs,
/// so that what is being written never seems to be missing. Fails only when the store fails or the caller cancels.
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

/// Everything that a check has found out, beside the problems, which the session has.
pub(crate) struct Examination {
    /// Packs and chunks.
    pub(crate) inventory: Arc<Inventory>,
    /// Snapshots.
    pub(crate) snapshots: Snapshots,
    /// What is to be said of each snapshot.
    pub(crate) judged: Vec<SnapshotCheck>,
    log: LogCheck,
    packs_read: PacksRead,
    nodes: u64,
}

/// Carries out a check.
pub(crate) async fn examine(session: &Session<'_>) -> Result<Examination, CheckError> {
    // Before anything is read: a wrong option should not cost an hour.
    session.options().percent()?;
    check_header(session).await?;
    check_slots(session).await?;
    let log = read_log(session).await?;
    let snapshots = open_snapshots(session).await?;
    let log = check_log(session, log, &snapshots).await?;
    let mut inventory = take_inventory(session).await?;
    let packs_read = read_packs(session, &mut inventory).await?;
    let inventory = Arc::new(inventory);
    let (graph, roots) = walk_manifests(session, &inventory, &snapshots).await?;
    let graph = Arc::new(graph);
    check_links(session, &graph, &snapshots, &roots).await?;
    let judged = judge(&graph, &inventory, &snapshots, &roots);
    report_marks(session, &judged);
    let nodes = graph.read_count();
    Ok(Examination { inventory, snapshots, judged, log, packs_read, nodes })
}

/// Reports snapshots that are marked as damaged without need.
fn report_marks(session: &Session<'_>, judged: &[SnapshotCheck]) {
    for snapshot in judged {
        if let (true, Some(mark)) = (snapshot.restorable, snapshot.mark) {
            let detail = format!("a repair noted {} damaged files in it, but all is there again", mark.files);
            let key = layout::snapshot_key(snapshot.run);
            session.report(ProblemKind::SnapshotWholeAgain, Some(&key), detail);
        }
    }
}

impl Examination {
    /// Ends the session and puts everything together.
    pub(crate) fn into_report(self, session: Session<'_>) -> CheckReport {
        let packs = &self.inventory.packs;
        let (problems, bytes_read) = session.finish();
        CheckReport {
            snapshots: self.judged,
            problems,
            packs: packs.len() as u64,
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
            snapshots_unnamed: self.log.unnamed,
            losses: self.log.losses,
        }
    }
}
