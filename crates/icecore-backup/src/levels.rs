//! Decides level, dedup scope, group and base of a run, from the request and the existing snapshots.

use icecore_format::{
    ids::GroupId,
    snapshot::{DedupScope, Level, Snapshot},
};
use icecore_repo::snapshots::SnapshotList;

use crate::events::BackupNotice;

/// Plan of a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RunPlan {
    pub level: Level,
    pub dedup: DedupScope,
    /// Group to write into; none for a new one.
    pub group: Option<GroupId>,
    /// Snapshot that changes are detected against.
    pub base: Option<Snapshot>,
    /// Entries of the newest snapshot of the source on this host; 0 if there is none.
    pub entries_before: u64,
    pub notices: Vec<BackupNotice>,
}

impl RunPlan {
    fn full(dedup: DedupScope, entries_before: u64, notice: Option<BackupNotice>) -> Self {
        let notices = notice.into_iter().collect();
        Self { level: Level::Full, dedup, group: None, base: None, entries_before, notices }
    }
}

/// Plans a run of `source` on `host`.
pub(crate) fn plan_run(
    snapshots: &SnapshotList,
    source: &str,
    host: &str,
    level: Level,
    dedup: Option<DedupScope>,
) -> RunPlan {
    let newest = snapshots.latest_of(source, host).and_then(Snapshot::completion);
    let entries_before = newest.map_or(0, |completion| completion.totals.entries);
    let default_scope = dedup.unwrap_or(DedupScope::Repository);
    if level == Level::Full {
        return RunPlan::full(default_scope, entries_before, None);
    }
    let Some(full) = snapshots.latest_full_of(source, host) else {
        return RunPlan::full(default_scope, entries_before, Some(BackupNotice::FirstIsFull));
    };
    let scope = dedup.unwrap_or(full.origin.dedup);
    if scope == DedupScope::Group && full.origin.dedup != DedupScope::Group {
        return RunPlan::full(scope, entries_before, Some(BackupNotice::GroupNeedsFull));
    }
    // In a self-contained group, only self-contained snapshots can be a base.
    let usable = |snapshot: &&Snapshot| {
        snapshot.origin.host == host
            && (scope == DedupScope::Repository
                || snapshot.origin.dedup == DedupScope::Group && snapshot.origin.group == full.origin.group)
    };
    let base = match level {
        Level::Incremental => snapshots.complete(Some(source)).rev().find(usable).unwrap_or(full),
        Level::Differential | Level::Full => full,
    };
    let group = Some(full.origin.group);
    RunPlan { level, dedup: scope, group, base: Some(base.clone()), entries_before, notices: Vec::new() }
}

#[cfg(test)]
mod tests;
