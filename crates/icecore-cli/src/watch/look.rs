//! Looks at the log before a command believes that a snapshot is the newest: somebody may have removed newer
//! ones.

use icecore_access::OpenRepository;
use icecore_format::{history::Loss, log::CompletedSnapshot, snapshot::Snapshot};
use icecore_repo::snapshots::SnapshotList;
use icecore_witness::{Findings, Watch};

use super::{
    losses::{self, LossDocument},
    rollback_alarm, witness_settings,
};
use crate::{
    arguments::inspect::RollbackArguments,
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus},
};
use icecore_operations::reference::{self, Reference, SnapshotChoice, names_source};

/// What to do if a command refuses to choose a snapshot.
const HINT: &str = "run `icecore check`, which reports more; to go on, name a snapshot by its id (`icecore snapshots` lists \
                    them), or add --ignore-rollback, which takes the newest one that is there";

/// What to do if the snapshot itself that was named is gone.
const GONE_HINT: &str =
    "run `icecore check`, which reports more; `icecore snapshots` lists those that are there";

/// The snapshots of a repository, and what the log says about them.
#[derive(Debug)]
pub(crate) struct Look {
    list: SnapshotList,
    /// None if the log cannot be read and rollbacks are ignored.
    watch: Option<Watch>,
    ignores_rollback: bool,
}

impl Look {
    /// Reads the log and the snapshots, warns of what disappeared, and remembers what was seen.
    pub(crate) fn begin(
        context: &Context,
        open: &mut OpenRepository,
        arguments: RollbackArguments,
    ) -> Outcome<Self> {
        let ignores_rollback = arguments.ignore_rollback;
        let settings = witness_settings(context)?;
        let begun = Watch::begin(&settings, &open.repository, &mut open.catalog);
        let (mut watch, list) = match begun.map_err(Failure::from) {
            Ok(begun) => begun,
            Err(failure) if ignores_rollback && !context.access.machine.is_cancelled() => {
                let list = open.snapshots(context.access.events.as_ref())?;
                let message = failure.message;
                context.console.warning(&format!("the log of the repository cannot be read: {message}"));
                return Ok(Self { list, watch: None, ignores_rollback });
            }
            Err(failure) => return Err(failure),
        };
        watch.tell();
        watch.save(&open.repository);
        Ok(Self { list, watch: Some(watch), ignores_rollback })
    }

    /// Returns all snapshots.
    pub(crate) fn list(&self) -> &SnapshotList {
        &self.list
    }

    /// Returns what disappeared, for JSON.
    pub(crate) fn documents(&self, context: &Context) -> Vec<LossDocument> {
        let documents = |watch: &Watch| losses::documents(&watch.findings(), &context.access.machine.zone);
        self.watch.as_ref().map(documents).unwrap_or_default()
    }

    fn is_alarmed(&self) -> bool {
        self.watch.as_ref().is_some_and(Watch::is_alarmed)
    }

    /// Warns that snapshots disappeared.
    fn warn(&self, context: &Context) {
        if self.is_alarmed() {
            let alarm = rollback_alarm();
            context.console.warning(&alarm.message);
            context.console.warning(&alarm.hint.map(String::from).unwrap_or_default());
        }
    }

    /// Returns how a command ends that shows or copies all snapshots that are there; says so if some disappeared.
    pub(crate) fn end(&self, context: &Context) -> ExitStatus {
        if self.ignores_rollback {
            self.warn(context);
            return ExitStatus::Done;
        }
        if !self.is_alarmed() {
            return ExitStatus::Done;
        }
        let alarm = rollback_alarm();
        context.console.failure(&alarm);
        alarm.status
    }

    /// Returns the snapshot that a reference means; refuses if it is not certain which one that is.
    pub(crate) fn resolve(&self, context: &Context, reference: &Reference) -> Outcome<&Snapshot> {
        self.require_certainty(context, reference)?;
        // Whoever goes on is to know it.
        self.warn(context);
        Ok(reference::resolve(
            &self.list,
            reference,
            &context.access.machine.host,
            &context.access.machine.zone,
        )?)
    }

    /// Refuses a reference that may mean a snapshot which disappeared.
    pub(crate) fn require_certainty(&self, context: &Context, reference: &Reference) -> Outcome<()> {
        let Some(watch) = self.watch.as_ref().filter(|_| !self.ignores_rollback) else { return Ok(()) };
        let Findings { other, losses, .. } = watch.findings();
        let source = reference.source.as_deref();
        let is_of = |snapshot: &CompletedSnapshot| {
            source.is_none_or(|source| names_source(source, &snapshot.host, &snapshot.source))
        };
        if let SnapshotChoice::Id(digits) = &reference.snapshot {
            let is_meant = |loss: &&Loss| match loss {
                Loss::Snapshot { snapshot, .. } => {
                    snapshot.run.snapshot_id().starts_with(digits.as_str()) && is_of(snapshot)
                }
                _ => false,
            };
            return if losses.iter().any(|loss| is_meant(&loss)) {
                let message = format!("snapshot {digits} is gone, or not as it was when it was complete");
                Err(Failure::new(ExitStatus::Damage, message).hint(GONE_HINT))
            } else {
                Ok(())
            };
        }
        let may_be_meant = |loss: &Loss| match loss {
            Loss::Snapshot { snapshot, .. } => {
                is_of(snapshot) && is_within(context, &reference.snapshot, snapshot)
            }
            // Nobody knows which snapshots a missing record named.
            Loss::SeenRecord(_) | Loss::ReferredRecord { .. } | Loss::NamingRecord(_) => true,
        };
        let is_other = other.is_some();
        if is_other || watch.has_damaged_records() || losses.iter().any(may_be_meant) {
            let message = "it is not certain which snapshot is the newest: snapshots disappeared, or the repository was \
                           rolled back, as the warnings say; nothing was read from a snapshot or written";
            return Err(Failure::new(ExitStatus::Damage, message).hint(HINT));
        }
        self.require_readable(context, reference, watch, &is_of)
    }

    /// Refuses a choice that a newer snapshot changes whose object cannot be read: it is damaged, and may be the one that is
    /// meant.
    fn require_readable(
        &self,
        context: &Context,
        reference: &Reference,
        watch: &Watch,
        is_of: &dyn Fn(&CompletedSnapshot) -> bool,
    ) -> Outcome<()> {
        let chosen = reference::resolve(
            &self.list,
            reference,
            &context.access.machine.host,
            &context.access.machine.zone,
        );
        let chosen = chosen.ok().map(|snapshot| snapshot.origin.run);
        // What no record names anybody with a key may have put there, and it must not stop the rest.
        let may_be_meant = |named: &[CompletedSnapshot]| {
            named.iter().any(|one| is_of(one) && is_within(context, &reference.snapshot, one))
        };
        let mut newer =
            watch.unreadable(&self.list).filter(|(run, _)| chosen.is_none_or(|chosen| *run > chosen));
        let Some((run, _)) = newer.find(|(_, named)| may_be_meant(named)) else { return Ok(()) };
        let message = format!(
            "it is not certain which snapshot is the newest: the object of snapshot {} is damaged; nothing was read from a \
             snapshot or written",
            run.snapshot_id()
        );
        Err(Failure::new(ExitStatus::Damage, message).hint(HINT))
    }
}

/// Says whether a choice by time or place may mean a snapshot: one that was made after the time is not.
fn is_within(context: &Context, choice: &SnapshotChoice, snapshot: &CompletedSnapshot) -> bool {
    let SnapshotChoice::At(moment) = choice else { return true };
    moment.end(&context.access.machine.zone).is_none_or(|end| snapshot.started.as_nanoseconds() < end)
}
