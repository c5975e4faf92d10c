//! Reports the findings of the witness of a repository.

use icecore_format::history::Loss;
use icecore_operations::{losses, text};
use icecore_repo::error::RepoError;
use icecore_witness::{Findings, WitnessEvents, WitnessNotice};

use super::Reporter;
use crate::{
    failure::{Failure, reason},
    surface::rollback,
};

/// Maximum number of losses that are shown one by one.
const LOSSES_SHOWN_MAX: usize = 20;
/// Maximum number of snapshots missing in an older copy that are named.
const OLDER_SHOWN_MAX: usize = 5;

/// Returns the words for another location.
pub(crate) fn other_location(location: Option<&str>) -> String {
    location.map_or_else(|| "another location".to_owned(), |path| format!("{path:?}"))
}

impl WitnessEvents for Reporter {
    fn notice(&self, notice: &WitnessNotice<'_>) {
        match notice {
            WitnessNotice::RepositoryForgotten { file, fault } => self.console.warning(&format!(
                "this host's record of the repository, {}, cannot be read: {}; a new record is started, and an earlier \
                 rollback cannot be detected",
                file.display(),
                reason(fault)
            )),
            WitnessNotice::LocationForgotten { file, fault } => self.console.warning(&format!(
                "this host's record of this location, {}, cannot be read: {}; a new record is started",
                file.display(),
                reason(fault)
            )),
            WitnessNotice::NotRemembered { directory, error } => self.console.warning(&format!(
                "failed to write this host's record of the repository to {}: {}; a later rollback may not be detected",
                directory.display(),
                reason(error)
            )),
            WitnessNotice::NotSettled { error } => self.console.warning(&format!(
                "failed to record that the repository is here: {}; if it disappears, this may not be detected",
                reason(error)
            )),
            WitnessNotice::FirstUseHere { elsewhere } => self.console.notice(&format!(
                "first use at this location: nothing is missing that this host saw at {}",
                other_location(*elsewhere)
            )),
            WitnessNotice::OlderCopy { elsewhere, missing } => self.warn_of_older_copy(*elsewhere, missing),
            WitnessNotice::DamagedSnapshot { error } => self.warn_of("a snapshot cannot be read", error),
            WitnessNotice::DamagedRecord { error } => {
                self.warn_of("a record of the log cannot be read", error);
            }
            WitnessNotice::LogUnreadable { error } => {
                let message = Failure::of_repository(error).message;
                self.console.warning(&format!("the log of the repository cannot be read: {message}"));
            }
            WitnessNotice::Lost(findings) => self.warn_of_losses(findings),
            WitnessNotice::GoesOn => rollback::warn(&self.console),
            WitnessNotice::SnapshotNotLogged { error } => self.console.warning(&format!(
                "failed to add the snapshot to the log: {}; the snapshot is complete, and the next backup adds it to the \
                 log",
                reason(error)
            )),
        }
    }
}

impl Reporter {
    fn warn_of(&self, what: &str, error: &RepoError) {
        self.console.warning(&format!("{what}: {}", reason(error)));
    }

    fn warn_of_losses(&self, findings: &Findings<'_>) {
        for document in losses::documents(findings, &self.zone).iter().take(LOSSES_SHOWN_MAX) {
            self.console.warning(&document.message);
        }
        let count = findings.losses.len();
        if count > LOSSES_SHOWN_MAX {
            let more = text::count((count - LOSSES_SHOWN_MAX) as u64);
            self.console.warning(&format!("{more} more (`icecore check` lists all)"));
        }
    }

    /// Warns that the repository at this location has less than this host saw of it at another one.
    fn warn_of_older_copy(&self, elsewhere: Option<&str>, missing: &[Loss]) {
        self.console.warning(&format!(
            "first use at this location, and this host saw a newer state of the repository at {}: this is an older copy, or \
             it was rolled back; from now on, this host keeps a separate record for this location",
            other_location(elsewhere)
        ));
        let snapshots = missing.iter().filter_map(|loss| match loss {
            Loss::Snapshot { snapshot, .. } => Some(format!(
                "snapshot {} is missing here, or differs from the other location",
                losses::titled(snapshot, &self.zone)
            )),
            Loss::SeenRecord(_) | Loss::ReferredRecord { .. } | Loss::NamingRecord(_) => None,
        });
        let messages: Vec<String> = snapshots.collect();
        messages.iter().take(OLDER_SHOWN_MAX).for_each(|message| self.console.warning(message));
        if messages.len() > OLDER_SHOWN_MAX {
            let more = (messages.len() - OLDER_SHOWN_MAX) as u64;
            self.console.warning(&text::counted(more, "more snapshot"));
        }
    }
}
