//! What only records say: which runs are dead, which of their packs may be used, and which runs are cleared.

use icecore_format::{collection::CollectionRecord, ids::RunId};

/// Returns whether the newest record says everything about runs and packs that an older record says.
/// `has_packs` says whether packs of a run are listed: a run that is gone needs no name without packs.
///
/// Usually it does, because it was made after the older one. But a listing that lacks the newest record, or a
/// call that arrives late, may create a record under a number that was used before. Then the record with the
/// greater number is the older one.
pub(super) fn is_repeated(
    older: &CollectionRecord,
    newest: &CollectionRecord,
    has_packs: impl Fn(RunId) -> bool,
) -> bool {
    let usable = |run: RunId| -> Option<&[u32]> {
        let found = newest.dead_runs.binary_search_by_key(&run, |dead| dead.run);
        found.ok().map(|position| newest.dead_runs[position].usable.as_slice())
    };
    let dead_runs_are_named = older.dead_runs.iter().all(|dead| {
        usable(dead.run).is_some_and(|usable| usable.iter().all(|number| dead.usable.contains(number)))
    });
    // Without the older record, such a pack would be usable again: the run may store it once more, and a
    // delayed delete would find it.
    let packs_stay_unusable = older.packs.iter().all(|pack| {
        usable(pack.name.run).is_none_or(|usable| usable.binary_search(&pack.name.number).is_err())
    });
    let mut gone = older.cleared_runs.iter().chain(&older.deleted);
    let gone_runs_are_named = gone.all(|run| {
        !has_packs(*run)
            || newest.cleared_runs.binary_search(run).is_ok()
            || newest.names_snapshot(*run)
            || usable(*run).is_some()
    });
    dead_runs_are_named && packs_stay_unusable && gone_runs_are_named
}

#[cfg(test)]
mod tests;
