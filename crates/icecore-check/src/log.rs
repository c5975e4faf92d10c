//! Reads the log, and compares it with the snapshots and with what the caller has seen before.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use icecore_format::{
    history::{Fate, History, Loss, Lost},
    ids::{RecordHash, RecordName, RunId},
    layout,
    limits::RECORD_OBJECT_BYTES_MAX,
    log::{CompletedSnapshot, LogRecord, RecordReference},
};
use icecore_store::ObjectInfo;

use crate::{
    error::CheckError,
    keyspace::{KeyForm, classify},
    report::ProblemKind,
    session::{Opened, Session},
    snapshots::Snapshots,
    words::counted,
};

/// Content of the log, and what of it no longer holds.
#[derive(Debug, Default)]
pub(crate) struct LogCheck {
    /// Records that open.
    pub(crate) records: u64,
    /// Complete snapshots that no record names, and that do not indicate a loss.
    pub(crate) unnamed: u64,
    /// Losses that nobody accepted.
    pub(crate) losses: Vec<Loss>,
}

/// All records that open, and the errors of those that do not.
#[derive(Default)]
pub(crate) struct ReadLog {
    history: History,
    damaged: Vec<(RecordName, icecore_format::error::FormatError)>,
}

impl ReadLog {
    /// Returns whether the log says that a snapshot was deleted, or somebody has accepted its loss.
    pub(crate) fn names_as_gone(&self, run: RunId) -> bool {
        self.history.is_gone(run)
    }
}

/// Lists and reads the log.
pub(crate) async fn read_log(session: &Session<'_>) -> Result<ReadLog, CheckError> {
    open_log(session, session.list(layout::LOG_PREFIX).await?).await
}

/// Reads the records among the listed objects.
pub(crate) async fn open_log(session: &Session<'_>, listed: Vec<ObjectInfo>) -> Result<ReadLog, CheckError> {
    let named = listed.into_iter().filter_map(|info| match classify(&info.key) {
        KeyForm::Log(name) => Some((name, info)),
        _ => None,
    });
    let named: Vec<_> = named.collect();
    let opening = stream::iter(named).map(|(name, info)| open_record(session, name, info));
    let mut opening = opening.buffer_unordered(session.concurrency());
    let mut log = ReadLog::default();
    while let Some((name, opened)) = opening.try_next().await? {
        match opened {
            Opened::Value(Ok((record, hash))) => log.history.insert(record, hash),
            Opened::Value(Err(error)) => log.damaged.push((name, error)),
            Opened::Vanished | Opened::Unreadable => {}
        }
    }
    Ok(log)
}

type OpenedRecord = Opened<icecore_format::error::FormatResult<(LogRecord, RecordHash)>>;

async fn open_record(
    session: &Session<'_>,
    name: RecordName,
    info: ObjectInfo,
) -> Result<(RecordName, OpenedRecord), CheckError> {
    let keys = session.share_keys();
    let opened = session.open(&info, RECORD_OBJECT_BYTES_MAX, move |object| {
        Ok((LogRecord::open(&keys, name, object)?, RecordHash::of(object)))
    });
    Ok((name, opened.await?))
}

/// Reports objects that existed according to the log and are missing now.
pub(crate) async fn check_log(
    session: &Session<'_>,
    mut log: ReadLog,
    snapshots: &Snapshots,
) -> Result<LogCheck, CheckError> {
    let seen = &session.options().seen;
    let find = |log: &ReadLog| {
        let mut losses = log.history.losses(seen, |run| snapshots.standings.get(&run).copied());
        losses.extend(log.history.unnamed_losses(seen, &snapshots.witnesses));
        losses
    };
    let mut losses = find(&log);
    if !losses.is_empty() {
        // A snapshot may have been deleted while the check was running: its record is written before it is
        // deleted. A record may also have been written while the log was being listed, before another one
        // that refers to it. New snapshots are not reported as missing: the snapshots were listed earlier.
        let missed: BTreeSet<_> = losses.iter().map(Loss::what).collect();
        log = read_log(session).await?;
        losses = find(&log);
        losses.retain(|loss| missed.contains(&loss.what()));
    }
    for (name, error) in log.damaged.iter().filter(|(name, _)| !log.history.is_accepted(*name)) {
        session.report_format(ProblemKind::LogRecordDamaged, &layout::log_key(*name), error);
    }
    for loss in &losses {
        report_loss(session, &log.history, loss);
    }
    for (name, (records, snapshots)) in log.history.acceptances() {
        let host = log.history.written(name).map_or("", |(_, host)| host);
        let accepted = accepted(records as u64, snapshots as u64);
        let detail = format!("on host {host:?}, a user accepted {accepted}");
        session.report(ProblemKind::LossAccepted, Some(&layout::log_key(name)), detail);
    }
    let missed: BTreeSet<_> = losses.iter().map(Loss::what).collect();
    let is_unnamed = |run| !log.history.names(run) && !missed.contains(&Lost::Naming(run));
    let unnamed = snapshots.complete.iter().filter(|snapshot| is_unnamed(snapshot.run));
    Ok(LogCheck { records: log.history.len() as u64, unnamed: unnamed.count() as u64, losses })
}

/// Returns what somebody accepted, without the kinds of which there is none.
fn accepted(records: u64, snapshots: u64) -> String {
    let records = (records > 0).then(|| format!("the loss of {}", counted(records, "log record")));
    let snapshots =
        (snapshots > 0).then(|| format!("the loss or repair of {}", counted(snapshots, "snapshot")));
    records.into_iter().chain(snapshots).collect::<Vec<_>>().join(" and ")
}

fn report_loss(session: &Session<'_>, history: &History, loss: &Loss) {
    match loss {
        Loss::Snapshot { snapshot, fate } => {
            let (kind, what) = match fate {
                Fate::Vanished => {
                    (ProblemKind::SnapshotVanished, "is missing now, although Icecore did not delete it")
                }
                Fate::Reverted => (ProblemKind::SnapshotReverted, "is incomplete again"),
                Fate::Altered => (ProblemKind::SnapshotAltered, "is a different one now"),
            };
            let CompletedSnapshot { run, source, host, .. } = snapshot;
            let detail =
                format!("the snapshot of source {source:?} on host {host:?} was complete and {what}");
            session.report(kind, Some(&layout::snapshot_key(*run)), detail);
        }
        Loss::SeenRecord(RecordReference { name, .. }) => {
            let detail = "this host has seen it before, but it is missing now".to_owned();
            session.report(ProblemKind::OlderThanSeen, Some(&layout::log_key(*name)), detail);
        }
        Loss::ReferredRecord { reference, by } => {
            let host = history.written(*by).map_or("", |(_, host)| host);
            let detail = format!("record {by} of host {host:?} refers to it, but it is missing");
            session.report(ProblemKind::LogRecordMissing, Some(&layout::log_key(reference.name)), detail);
        }
        Loss::NamingRecord(CompletedSnapshot { run, source, host, .. }) => {
            let detail = format!(
                "no log record names the snapshot of source {source:?} on host {host:?}, although the host has made \
                 a later one that would have named it: log records were removed"
            );
            session.report(ProblemKind::SnapshotUnnamed, Some(&layout::snapshot_key(*run)), detail);
        }
    }
}

#[cfg(test)]
mod tests;
