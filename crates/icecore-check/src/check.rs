//! The whole check, step by step.

use std::sync::{Arc, atomic::AtomicBool};

use icecore_format::keys::Keys;
use icecore_store::Store;

use crate::{
    directories::take_inventory,
    error::CheckError,
    events::CheckEvents,
    header::{check_header, check_slots},
    impact::judge,
    links::check_links,
    options::CheckOptions,
    packs::read_packs,
    report::CheckReport,
    session::Session,
    snapshots::open_snapshots,
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
    // Before anything is read: a wrong option should not cost an hour.
    options.percent()?;
    let session = Session::new(store, keys, options, events, cancel);
    check_header(&session).await?;
    check_slots(&session).await?;
    let snapshots = open_snapshots(&session).await?;
    let mut inventory = take_inventory(&session).await?;
    let packs_read = read_packs(&session, &mut inventory).await?;
    let inventory = Arc::new(inventory);
    let (graph, roots) = walk_manifests(&session, &inventory, &snapshots).await?;
    let graph = Arc::new(graph);
    check_links(&session, &graph, &snapshots, &roots).await?;
    let judged = judge(&graph, &inventory, &snapshots, &roots);
    let (problems, bytes_read) = session.finish();
    Ok(CheckReport {
        snapshots: judged,
        problems,
        packs: inventory.packs.len() as u64,
        bytes: inventory.packs.iter().map(|pack| pack.bytes).fold(0, u64::saturating_add),
        blocks: inventory.packs.iter().map(|pack| u64::from(pack.blocks)).sum(),
        chunks: inventory.table.len() as u64,
        nodes: graph.read_count(),
        packs_read,
        bytes_read,
    })
}
