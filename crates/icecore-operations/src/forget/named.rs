//! Snapshots that are forgotten by name.

use std::collections::BTreeSet;

use icecore_format::{ids::RunId, snapshot::Snapshot};
use icecore_prune::{PruneError, lasts};
use icecore_witness::Watch;

use crate::{
    error::{OperationError, OperationResult},
    look::Look,
    reference::Reference,
};

/// Returns the named snapshots, oldest first and each once.
///
/// Refuses held ones, and unless the user has confirmed it, the last snapshot of a source.
pub(super) fn choose(
    look: &Look,
    watch: &Watch,
    references: &[Reference],
    is_confirmed: bool,
    now: icecore_format::entry::Time,
) -> OperationResult<Vec<Snapshot>> {
    let mut runs: BTreeSet<RunId> = BTreeSet::new();
    for reference in references {
        let found = if runs.is_empty() { look.resolve(reference)? } else { look.resolve_other(reference)? };
        runs.insert(found.origin.run);
    }
    let is_chosen = |snapshot: &&Snapshot| runs.contains(&snapshot.origin.run);
    let chosen: Vec<&Snapshot> = look.list().complete(None).filter(is_chosen).collect();
    for snapshot in &chosen {
        let run = snapshot.origin.run;
        let own = snapshot.completion().and_then(|completion| completion.hold.as_ref());
        let own = own.map(|hold| (hold.until_seconds, &hold.reason));
        let logged = watch.held(run).map(|hold| (hold.until_seconds, &hold.reason));
        if let Some((_, reason)) = own.into_iter().chain(logged).find(|(until, _)| lasts(*until, now)) {
            return Err(PruneError::Held { run, reason: reason.clone() }.into());
        }
        let is_of_line = |other: &&Snapshot| {
            (&other.origin.host, &other.origin.source) == (&snapshot.origin.host, &snapshot.origin.source)
        };
        let is_left = look.list().complete(None).filter(is_of_line).any(|other| !is_chosen(&other));
        if !is_confirmed && !is_left {
            return Err(OperationError::LastOfSource {
                host: snapshot.origin.host.clone(),
                source_name: snapshot.origin.source.clone(),
            });
        }
    }
    Ok(chosen.into_iter().cloned().collect())
}
