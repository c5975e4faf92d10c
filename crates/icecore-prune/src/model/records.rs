//! What follows from the records and from what is stored.

use super::{
    config::Config,
    rules::Rule,
    set::Set,
    store::{Record, Snapshot, Store},
};

/// Returns the packs that need no other record. What has another version than a sweep deletes does.
pub(super) fn held(config: &Config, record: &Record, store: &Store) -> Set {
    if record.sweeping && config.follows(Rule::LateObjectsAgain) {
        record.packs & (store.packs | noted_directories(record, store))
    } else {
        record.packs
    }
}

/// Returns the packs whose directory exists in the version that the record notes.
fn noted_directories(record: &Record, store: &Store) -> Set {
    (record.listed[0] & store.directories[0]) | (record.listed[1] & store.directories[1])
}

/// Returns the runs whose snapshot object may be missing.
pub(super) fn excused(store: &Store) -> Set {
    store.union(|record| record.dead | record.cleared | record.deleted)
}

/// Returns the runs that have not ended.
pub(super) fn running(store: &Store) -> Set {
    store.in_state(Snapshot::Pending)
}

/// Fences a run that a record waits for. The model lets this happen at any time.
pub(super) fn fence(run: u8, store: &mut Store) -> bool {
    let waited = store.union(|record| record.waiting.unwrap_or_default());
    let may_be_fenced = (waited & running(store)).contains(run);
    if may_be_fenced {
        store.set_snapshot(run, Snapshot::Aborted);
    }
    may_be_fenced
}

/// Whether anything that the record notes still exists.
pub(super) fn is_listed(record: &Record, store: &Store) -> bool {
    record.packs.meets(store.packs)
        || !noted_directories(record, store).is_empty()
        || record.deleted.meets(store.in_state(Snapshot::Deleted))
}

/// Removes a record whose objects are gone.
pub(super) fn close(config: &Config, number: u8, store: &mut Store) -> bool {
    let (Some(record), Some(newest)) = (store.record(number).copied(), store.newest()) else { return false };
    if !record.sweeping
        || is_listed(&record, store)
        || (number == newest && config.follows(Rule::NewestStays))
    {
        return false;
    }
    let fenced = record.waiting.unwrap_or_default() & store.in_state(Snapshot::Aborted);
    let named = store.record(newest).map_or(Set::EMPTY, |newest| newest.dead);
    if config.follows(Rule::CloseAfterDeadRuns) && !fenced.is_within(named) {
        return false;
    }
    store.records[usize::from(number)] = None;
    true
}
