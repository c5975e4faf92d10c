//! The earlier snapshot whose state the target has.

use icecore_format::snapshot::{Level, Snapshot};
use icecore_repo::snapshots::SnapshotList;

use super::{Base, RestoreRefusal};
use crate::{
    error::OperationResult,
    look::Look,
    reference::{self, Reference, SnapshotChoice},
};

/// Returns the snapshot whose state the target has, if only changes are to be restored.
pub(super) fn find(look: &Look, snapshot: &Snapshot, base: &Base) -> OperationResult<Option<Snapshot>> {
    let origin = &snapshot.origin;
    let source = format!("{}/{}", origin.host, origin.source);
    let only_full = match base {
        Base::Any => return Ok(None),
        Base::Named(text) => {
            let mut reference = reference::read_without_path(text)?;
            reference.source.get_or_insert(source);
            let found = look.resolve_other(&reference)?;
            if found.origin.source != origin.source {
                let (base, restored) = (found.origin.source.clone(), origin.source.clone());
                return Err(RestoreRefusal::OtherSource { base, restored }.into());
            }
            return Ok(Some(found.clone()));
        }
        Base::Previous => false,
        Base::LastFull => true,
    };
    let snapshot_before = SnapshotChoice::Latest(1);
    look.require_certainty(&Reference { source: Some(source), snapshot: snapshot_before, path: Vec::new() })?;
    let found = before(look.list(), snapshot, only_full);
    let refusal = || {
        let (name, id) = (origin.source.clone(), origin.run.snapshot_id());
        RestoreRefusal::NothingBefore { name, id, only_full }
    };
    Ok(Some(found.cloned().ok_or_else(refusal)?))
}

/// Returns the newest snapshot (or full) of the same source before this one.
fn before<'a>(list: &'a SnapshotList, snapshot: &'a Snapshot, only_full: bool) -> Option<&'a Snapshot> {
    let origin = &snapshot.origin;
    let older = list.complete(Some(&origin.source)).filter(|other| {
        other.origin.host == origin.host
            && other.origin.place() < origin.place()
            && (!only_full || other.origin.level == Level::Full)
    });
    older.max_by_key(|other| other.origin.place())
}
