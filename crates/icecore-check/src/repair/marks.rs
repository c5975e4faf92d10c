//! Marks in snapshots that lost data, so that nobody trusts them.

use icecore_format::{
    ids::RunId,
    layout,
    snapshot::{DamageMark, Snapshot, SnapshotState},
};
use icecore_store::{PutCondition, StoreError};

use super::maintenance::{Maintenance, change_failed, make_failed, read_failed, time_of};
use crate::{
    error::CheckError,
    report::{CheckReport, SnapshotCheck},
};

/// How often setting a mark is tried if another program changes the snapshot meanwhile.
const ATTEMPTS_MAX: usize = 3;

/// A snapshot whose mark was set, changed or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkChange {
    /// Run that made the snapshot.
    pub run: RunId,
    /// Number of damaged files in the new mark; none if the snapshot is whole again.
    pub files: Option<u64>,
}

impl CheckReport {
    /// Returns the marks that must change according to this report.
    pub fn mark_changes(&self) -> Vec<MarkChange> {
        self.snapshots.iter().filter_map(SnapshotCheck::mark_change).collect()
    }
}

impl SnapshotCheck {
    fn mark_change(&self) -> Option<MarkChange> {
        let files = (!self.restorable).then_some(self.files_damaged);
        let noted = self.mark.map(|mark| mark.files);
        (files != noted && self.opens).then_some(MarkChange { run: self.run, files })
    }
}

impl Maintenance {
    /// Updates the marks of all snapshots according to a report, which must come from a check after all
    /// steps. Lost data is then no longer in the pack directories, so a check of the structure alone can see
    /// when it is back.
    pub async fn mark(&mut self, report: &CheckReport) -> Result<Vec<MarkChange>, CheckError> {
        let mut changes = Vec::new();
        for change in report.mark_changes() {
            self.proceed().await?;
            if self.change_mark(change).await? {
                changes.push(change);
            }
        }
        Ok(changes)
    }

    /// Changes a mark; returns false if the snapshot was deleted meanwhile.
    async fn change_mark(&self, MarkChange { run, files }: MarkChange) -> Result<bool, CheckError> {
        let key = layout::snapshot_key(run);
        let noted = time_of(self.environment.clock.now());
        for _ in 0..ATTEMPTS_MAX {
            let (object, version) = match self.store.get_versioned(&key).await {
                Ok(found) => found,
                Err(StoreError::NotFound { .. }) => return Ok(false),
                Err(source) => return Err(read_failed(&key, source)),
            };
            let opened = Snapshot::open(&self.keys, run, &object);
            let mut snapshot = opened.map_err(|source| make_failed(&key, source))?;
            let SnapshotState::Complete(completion) = &mut snapshot.state else { return Ok(false) };
            completion.damage = files.map(|files| DamageMark { noted, files });
            let sealed = snapshot.seal(&self.keys, &self.salt());
            let sealed = sealed.map_err(|source| make_failed(&key, source))?;
            match self.store.put(&key, sealed.into(), PutCondition::Version(version)).await {
                Ok(_) => return Ok(true),
                Err(StoreError::VersionMismatch { .. } | StoreError::NotFound { .. }) => {}
                Err(source) => return Err(change_failed(&key, source)),
            }
        }
        Err(CheckError::Changed { object: key })
    }
}
