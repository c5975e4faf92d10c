//! What is lost, as text and JSON.

use icecore_format::{
    history::{Fate, History, Loss},
    log::CompletedSnapshot,
};
use serde::Serialize;

use super::{Memory, fate_name};
use crate::context::Context;
use icecore_operations::text;

/// Snapshots that an older copy has not, which are named.
const OLDER_SHOWN_MAX: usize = 5;

/// Something that was there and is not any more.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LossDocument {
    kind: &'static str,
    snapshot: Option<String>,
    run: Option<String>,
    source: Option<String>,
    host: Option<String>,
    time: Option<String>,
    record: Option<String>,
    /// What happened, in words.
    pub(crate) message: String,
}

/// Describes everything that is lost, the place first, then snapshots, then records.
pub(crate) fn documents(
    context: &Context,
    memory: &Memory,
    history: &History,
    losses: &[Loss],
) -> Vec<LossDocument> {
    let other = memory.other.map(|other| {
        let since = text::local_time(other.since, &context.zone);
        let message = format!(
            "since {since} this host has used the repository {} at this location; now there is another one",
            other.repository
        );
        LossDocument::new("other-repository", message)
    });
    let describe = |loss: &Loss| match loss {
        Loss::Snapshot { snapshot, fate } => of_snapshot(context, snapshot, *fate),
        Loss::SeenRecord(reference) => {
            let seen = text::local_time(memory.marks().seen, &context.zone);
            let message = format!(
                "the repository is older than this host has seen it: record {} of the log was there on {seen}, and is \
                 gone",
                reference.name
            );
            LossDocument {
                record: Some(reference.name.to_string()),
                ..LossDocument::new("older-than-seen", message)
            }
        }
        Loss::ReferredRecord { reference, by } => {
            let later = history.written(*by).map_or_else(String::new, |(time, host)| {
                format!(
                    " of host {} of {}",
                    text::printable(host.as_bytes()),
                    text::local_time(time, &context.zone)
                )
            });
            let message =
                format!("record {} of the log is gone: a later one{later} refers to it", reference.name);
            LossDocument {
                record: Some(reference.name.to_string()),
                ..LossDocument::new("log-record-missing", message)
            }
        }
        Loss::NamingRecord(snapshot) => {
            let message = format!(
                "snapshot {} is not in the log, although one of its records should name it: records of the log were removed",
                titled(context, snapshot)
            );
            LossDocument { message, ..about("snapshot-unnamed", snapshot) }
        }
    };
    other.into_iter().chain(losses.iter().map(describe)).collect()
}

/// Warns that the repository at this place has less than this host has seen of it elsewhere.
pub(crate) fn warn_of_older_copy(context: &Context, elsewhere: &str, missing: &[Loss]) {
    context.console.warning(&format!(
        "this host uses the repository for the first time at this location, and knows a newer state of it from {elsewhere}: \
         this is an older copy, or it was rolled back; from now on this host remembers it for this location separately"
    ));
    let snapshots = missing.iter().filter_map(|loss| match loss {
        Loss::Snapshot { snapshot, .. } => {
            Some(format!("snapshot {} is missing here, or is not as it was there", titled(context, snapshot)))
        }
        Loss::SeenRecord(_) | Loss::ReferredRecord { .. } | Loss::NamingRecord(_) => None,
    });
    let messages: Vec<String> = snapshots.collect();
    messages.iter().take(OLDER_SHOWN_MAX).for_each(|message| context.console.warning(message));
    if messages.len() > OLDER_SHOWN_MAX {
        let more = text::count((messages.len() - OLDER_SHOWN_MAX) as u64);
        context.console.warning(&format!("{more} more snapshots"));
    }
}

fn of_snapshot(context: &Context, snapshot: &CompletedSnapshot, fate: Fate) -> LossDocument {
    let what = match fate {
        Fate::Vanished => "is gone, and nobody deleted it",
        Fate::Reverted => "is incomplete again: an old version of it was put back",
        Fate::Altered => "is not the one that was made",
    };
    let message = format!("snapshot {} was complete and {what}", titled(context, snapshot));
    LossDocument { message, ..about(fate_name(fate), snapshot) }
}

/// Returns id, source, time and host of a snapshot.
fn titled(context: &Context, snapshot: &CompletedSnapshot) -> String {
    let CompletedSnapshot { run, source, host, started, .. } = snapshot;
    format!(
        "{} ({} of {}, host {})",
        run.snapshot_id(),
        text::printable(source.as_bytes()),
        text::local_time(*started, &context.zone),
        text::printable(host.as_bytes()),
    )
}

/// Makes a document with the fields of a snapshot, still without words.
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
