//! What a check found, and what came of a repair.

use std::collections::BTreeMap;

use icecore_access::Usage;
use icecore_check::CheckReport;
use icecore_format::{
    ids::{PackName, RunId},
    log::CompletedSnapshot,
};
use icecore_repo::snapshots::SnapshotList;

use super::{
    newest::{NewestWhole, newest_whole},
    next_commands::NextCommand,
    past::Past,
    repair::Repair,
};

/// What a check found, and what came of a repair.
#[derive(Debug)]
pub struct Checked {
    /// The location of the repository, as it was given.
    pub repository: String,
    /// What is the case now.
    pub report: CheckReport,
    /// The repair that was asked for.
    pub repair: Option<Repair>,
    /// What is to be run next, in this order.
    pub next: Vec<NextCommand>,
    /// What was there and is not any more.
    pub past: Past,
    /// The snapshots that can be read: names for what is damaged. None if they cannot be listed.
    pub list: SnapshotList,
    /// Snapshots whose objects cannot be read, as the log names them.
    pub unreadable: Vec<CompletedSnapshot>,
    /// What the store was used for.
    pub usage: Usage,
}

impl Checked {
    /// Says whether nothing is damaged or lost, or its loss was accepted.
    pub fn is_well(&self) -> bool {
        self.report.is_healthy()
            && self.past.is_well()
            && !self.repair.as_ref().is_some_and(Repair::has_lost_snapshots)
    }

    /// Returns the newest snapshot of each source that can be restored in full.
    pub fn newest_whole(&self) -> Vec<NewestWhole<'_>> {
        newest_whole(&self.report, &self.list, &self.unreadable)
    }
}

/// Returns the damaged packs with the snapshots that need them.
pub fn packs_hit(report: &CheckReport) -> BTreeMap<PackName, Vec<RunId>> {
    let mut packs: BTreeMap<PackName, Vec<RunId>> = BTreeMap::new();
    for snapshot in &report.snapshots {
        for pack in &snapshot.packs_damaged {
            packs.entry(*pack).or_default().push(snapshot.run);
        }
    }
    packs
}
