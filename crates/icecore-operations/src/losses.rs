//! Losses, as text and JSON.

use icecore_format::{
    history::{Fate, Loss},
    log::CompletedSnapshot,
};
use icecore_witness::Findings;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::text;

/// Something that disappeared.
#[derive(Clone, Debug, Serialize)]
pub struct LossDocument {
    /// Stable name of what happened.
    pub kind: &'static str,
    snapshot: Option<String>,
    run: Option<String>,
    source: Option<String>,
    host: Option<String>,
    time: Option<String>,
    record: Option<String>,
    /// What happened, in words.
    pub message: String,
}

/// Describes all losses: first the location, then snapshots, then records.
pub fn documents(findings: &Findings<'_>, zone: &TimeZone) -> Vec<LossDocument> {
    let Findings { other, seen, history, losses } = *findings;
    let other = other.map(|other| {
        let since = text::local_time(other.since, zone);
        let message = format!(
            "this host has used the repository {} at this location since {since}, but a different repository is there now",
            other.repository
        );
        LossDocument::new("other-repository", message)
    });
    let describe = |loss: &Loss| match loss {
        Loss::Snapshot { snapshot, fate } => of_snapshot(snapshot, *fate, zone),
        Loss::SeenRecord(reference) => {
            let seen = text::local_time(seen, zone);
            let message = format!(
                "the repository is older than the state that this host last saw: log record {} existed on {seen} and is \
                 missing now",
                reference.name
            );
            LossDocument {
                record: Some(reference.name.to_string()),
                ..LossDocument::new("older-than-seen", message)
            }
        }
        Loss::ReferredRecord { reference, by } => {
            let later = history.written(*by).map_or_else(String::new, |(time, host)| {
                format!(" (host {}, {})", text::printable(host.as_bytes()), text::local_time(time, zone))
            });
            let message =
                format!("log record {} is missing: a later record{later} refers to it", reference.name);
            LossDocument {
                record: Some(reference.name.to_string()),
                ..LossDocument::new("log-record-missing", message)
            }
        }
        Loss::NamingRecord(snapshot) => {
            let message = format!(
                "no log record names snapshot {}, although one should: log records were removed",
                titled(snapshot, zone)
            );
            LossDocument { message, ..about("snapshot-unnamed", snapshot) }
        }
    };
    other.into_iter().chain(losses.iter().map(describe)).collect()
}

fn of_snapshot(snapshot: &CompletedSnapshot, fate: Fate, zone: &TimeZone) -> LossDocument {
    let what = match fate {
        Fate::Vanished => "is missing now, although Icecore did not delete it",
        Fate::Reverted => "is incomplete again: somebody put back an old version of it",
        Fate::Altered => "was changed later",
    };
    let message = format!("snapshot {} was complete and {what}", titled(snapshot, zone));
    LossDocument { message, ..about(fate_name(fate), snapshot) }
}

/// Returns id, source, time and host of a snapshot.
pub fn titled(snapshot: &CompletedSnapshot, zone: &TimeZone) -> String {
    let CompletedSnapshot { run, source, host, started, .. } = snapshot;
    format!(
        "{} ({} of {}, host {})",
        run.snapshot_id(),
        text::printable(source.as_bytes()),
        text::local_time(*started, zone),
        text::printable(host.as_bytes()),
    )
}

/// Returns the name of a snapshot's fate, the same as for problems of a check.
fn fate_name(fate: Fate) -> &'static str {
    match fate {
        Fate::Vanished => "snapshot-vanished",
        Fate::Reverted => "snapshot-reverted",
        Fate::Altered => "snapshot-altered",
    }
}

/// Makes a document with the fields of a snapshot, without its message.
fn about(kind: &'static str, snapshot: &CompletedSnapshot) -> LossDocument {
    LossDocument {
        snapshot: Some(snapshot.run.snapshot_id()),
        run: Some(snapshot.run.to_string()),
        source: Some(snapshot.source.clone()),
        host: Some(snapshot.host.clone()),
        time: text::utc_time(snapshot.started),
        ..LossDocument::new(kind, String::new())
    }
}

impl LossDocument {
    fn new(kind: &'static str, message: String) -> Self {
        Self { kind, snapshot: None, run: None, source: None, host: None, time: None, record: None, message }
    }
}

#[cfg(test)]
mod tests;
