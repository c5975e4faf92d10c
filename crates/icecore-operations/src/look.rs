//! Reads the log before an operation relies on a snapshot being the newest: somebody may have removed newer
//! ones.

use icecore_access::{OpenRepository, RepositoryAccess};
use icecore_format::{history::Loss, log::CompletedSnapshot, snapshot::Snapshot};
use icecore_repo::{error::RepoResult, manifest::ManifestRoot, snapshots::SnapshotList};
use icecore_witness::{Findings, Watch, WitnessNotice, WitnessSettings};
use jiff::tz::TimeZone;

use crate::{
    error::{OperationError, OperationResult, Uncertainty},
    losses::{self, LossDocument},
    reference::{self, Reference, SnapshotChoice, names_source},
};

/// How an operation ends that shows or copies all existing snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing disappeared.
    Well,
    /// Snapshots disappeared, or the repository was rolled back.
    Alarmed,
    /// The same, but the request was to continue anyway.
    Ignored,
}

/// The snapshots of a repository, and what the log says about them.
#[derive(Debug)]
pub struct Look {
    list: SnapshotList,
    /// None if the log cannot be read and rollbacks are ignored.
    watch: Option<Watch>,
    ignores_rollback: bool,
    witness: WitnessSettings,
    zone: TimeZone,
}

impl Look {
    /// Reads the log and the snapshots, reports losses, and remembers what was seen.
    pub fn begin(
        access: &RepositoryAccess,
        witness: &WitnessSettings,
        open: &mut OpenRepository,
        ignores_rollback: bool,
    ) -> OperationResult<Self> {
        match Self::with_log(access, witness, open, ignores_rollback) {
            Err(error) if ignores_rollback && !access.machine.is_cancelled() => {
                let list = open.snapshots(access.events.as_ref())?;
                witness.events.notice(&WitnessNotice::LogUnreadable { error: &error });
                let (witness, zone) = (witness.clone(), access.machine.zone.clone());
                Ok(Self { list, watch: None, ignores_rollback, witness, zone })
            }
            look => Ok(look?),
        }
    }

    /// Does the same, but fails if the log cannot be read: nobody knows then which snapshots are held.
    pub fn with_log(
        access: &RepositoryAccess,
        witness: &WitnessSettings,
        open: &mut OpenRepository,
        ignores_rollback: bool,
    ) -> RepoResult<Self> {
        let (mut watch, list) = Watch::begin(witness, &open.repository, &mut open.catalog)?;
        watch.tell();
        watch.save(&open.repository);
        let (witness, zone) = (witness.clone(), access.machine.zone.clone());
        Ok(Self { list, watch: Some(watch), ignores_rollback, witness, zone })
    }

    /// Returns all snapshots.
    pub fn list(&self) -> &SnapshotList {
        &self.list
    }

    /// Returns all snapshots, and drops everything else.
    pub fn into_list(self) -> SnapshotList {
        self.list
    }

    /// Returns what the log says; none if it cannot be read and rollbacks are ignored.
    pub fn watch(&self) -> Option<&Watch> {
        self.watch.as_ref()
    }

    /// Returns all snapshots and what the log says, and drops everything else.
    pub fn into_parts(self) -> (SnapshotList, Option<Watch>) {
        (self.list, self.watch)
    }

    /// Returns the losses for JSON.
    pub fn documents(&self) -> Vec<LossDocument> {
        let documents = |watch: &Watch| losses::documents(&watch.findings(), &self.zone);
        self.watch.as_ref().map(documents).unwrap_or_default()
    }

    /// Returns whether snapshots disappeared, or the repository was rolled back.
    pub fn is_alarmed(&self) -> bool {
        self.watch.as_ref().is_some_and(Watch::is_alarmed)
    }

    /// Returns how an operation ends that shows or copies all existing snapshots.
    pub fn ending(&self) -> Ending {
        match (self.is_alarmed(), self.ignores_rollback) {
            (false, _) => Ending::Well,
            (true, false) => Ending::Alarmed,
            (true, true) => Ending::Ignored,
        }
    }

    /// Returns the snapshot of a reference; fails if it is not certain which one that is.
    pub fn resolve(&self, reference: &Reference) -> OperationResult<&Snapshot> {
        self.require_certainty(reference)?;
        if self.is_alarmed() {
            // A user who continues should know this.
            self.witness.events.notice(&WitnessNotice::GoesOn);
        }
        Ok(reference::resolve(&self.list, reference, &self.witness.host, &self.zone)?)
    }

    /// Returns another snapshot, after [`Look::resolve`] has reported the losses.
    pub fn resolve_other(&self, reference: &Reference) -> OperationResult<&Snapshot> {
        self.require_certainty(reference)?;
        Ok(reference::resolve(&self.list, reference, &self.witness.host, &self.zone)?)
    }

    /// Finds the snapshot of a reference, and where its manifest begins.
    pub fn find(&self, reference: &Reference) -> OperationResult<(Snapshot, ManifestRoot)> {
        with_root(self.resolve(reference)?)
    }

    /// Finds another snapshot, after [`Look::find`] has reported the losses.
    pub fn find_other(&self, reference: &Reference) -> OperationResult<(Snapshot, ManifestRoot)> {
        with_root(self.resolve_other(reference)?)
    }

    /// Refuses a reference that may mean a snapshot that disappeared.
    pub fn require_certainty(&self, reference: &Reference) -> Result<(), Uncertainty> {
        let Some(watch) = self.watch.as_ref().filter(|_| !self.ignores_rollback) else { return Ok(()) };
        let Findings { other, losses, .. } = watch.findings();
        let source = reference.source.as_deref();
        let is_of = |snapshot: &CompletedSnapshot| {
            source.is_none_or(|source| names_source(source, &snapshot.host, &snapshot.source))
        };
        if let SnapshotChoice::Id(digits) = &reference.snapshot {
            let is_meant = |loss: &Loss| match loss {
                Loss::Snapshot { snapshot, .. } => {
                    snapshot.run.snapshot_id().starts_with(digits.as_str()) && is_of(snapshot)
                }
                _ => false,
            };
            return if losses.iter().any(is_meant) {
                Err(Uncertainty::Gone { digits: digits.clone() })
            } else {
                Ok(())
            };
        }
        let may_be_meant = |loss: &Loss| match loss {
            Loss::Snapshot { snapshot, .. } => {
                is_of(snapshot) && self.is_within(&reference.snapshot, snapshot)
            }
            // The names in a missing record are unknown.
            Loss::SeenRecord(_) | Loss::ReferredRecord { .. } | Loss::NamingRecord(_) => true,
        };
        if other.is_some() || watch.has_damaged_records() || losses.iter().any(may_be_meant) {
            return Err(Uncertainty::Lost);
        }
        self.require_readable(reference, watch, &is_of)
    }

    /// Refuses a choice if it may mean a newer snapshot whose object cannot be read because it is damaged.
    fn require_readable(
        &self,
        reference: &Reference,
        watch: &Watch,
        is_of: &dyn Fn(&CompletedSnapshot) -> bool,
    ) -> Result<(), Uncertainty> {
        let chosen = reference::resolve(&self.list, reference, &self.witness.host, &self.zone);
        let chosen = chosen.ok().map(|snapshot| snapshot.origin.run);
        // Anybody with a key may have written an object that no record names, and it must not stop everything
        // else.
        let may_be_meant = |named: &[CompletedSnapshot]| {
            named.iter().any(|one| is_of(one) && self.is_within(&reference.snapshot, one))
        };
        let mut newer =
            watch.unreadable(&self.list).filter(|(run, _)| chosen.is_none_or(|chosen| *run > chosen));
        match newer.find(|(_, named)| may_be_meant(named)) {
            Some((run, _)) => Err(Uncertainty::Damaged { run }),
            None => Ok(()),
        }
    }

    /// Returns whether a choice by time or position may mean a snapshot; it cannot if the snapshot was made
    /// after the time.
    fn is_within(&self, choice: &SnapshotChoice, snapshot: &CompletedSnapshot) -> bool {
        let SnapshotChoice::At(moment) = choice else { return true };
        moment.end(&self.zone).is_none_or(|end| snapshot.started.as_nanoseconds() < end)
    }
}

fn with_root(snapshot: &Snapshot) -> OperationResult<(Snapshot, ManifestRoot)> {
    let root = ManifestRoot::of(snapshot)
        .ok_or_else(|| OperationError::SnapshotIncomplete { id: snapshot.origin.run.snapshot_id() })?;
    Ok((snapshot.clone(), root))
}
