//! The result of a check and of a repair.

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

/// The result of a check and of a repair.
#[derive(Debug)]
pub struct Checked {
    /// Location of the repository as the user typed it.
    pub repository: String,
    /// The state now.
    pub report: CheckReport,
    /// The requested repair.
    pub repair: Option<Repair>,
    /// Commands to run next, in this order.
    pub next: Vec<NextCommand>,
    /// Losses.
    pub past: Past,
    /// The readable snapshots, to name damaged ones. None if they cannot be listed.
    pub list: SnapshotList,
    /// Snapshots whose objects cannot be read, by their names in the log.
    pub unreadable: Vec<CompletedSnapshot>,
    /// Usage of the store.
    pub usage: Usage,
}

impl Checked {
    /// Returns whether nothing is damaged, and nothing is lost or all losses were accepted.
    pub fn is_well(&self) -> bool {
        self.report.is_healthy()
            && self.past.is_well()
            && !self.repair.as_ref().is_some_and(Repair::has_lost_snapshots)
    }

    /// Returns for each source the newest snapshot that can be restored completely.
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
