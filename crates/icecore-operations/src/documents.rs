//! Values that several JSON documents share.

use std::collections::BTreeMap;

use icecore_format::{
    entry::Time,
    snapshot::{DedupScope, Hold, Level, Snapshot, SnapshotIdentity},
};
use serde::Serialize;

use crate::text;

/// A path or other name: as text with replacement characters, and exactly if it is not valid text.
#[derive(Clone, Debug, Serialize)]
pub struct PathText {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_base64: Option<String>,
}

impl PathText {
    /// Makes both forms of a path.
    pub fn new(path: &[u8]) -> Self {
        Self { path: String::from_utf8_lossy(path).into_owned(), path_base64: base64_unless_text(path) }
    }
}

/// Why a part of an operation failed, in a document that continues after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorDocument {
    /// What failed, on what, and why.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// Exit code of a command with this error.
    pub code: u8,
}

/// Returns bytes in base64 unless they are UTF-8.
pub fn base64_unless_text(bytes: &[u8]) -> Option<String> {
    str::from_utf8(bytes).is_err().then(|| base64(bytes))
}

/// Returns bytes in base64.
pub fn base64(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len().div_ceil(3) * 4);
    text::push_base64(&mut encoded, bytes);
    encoded
}

/// Returns the name of a level.
pub fn level_name(level: Level) -> &'static str {
    match level {
        Level::Full => "full",
        Level::Incremental => "incremental",
        Level::Differential => "differential",
    }
}

/// Returns the name of a dedup scope.
pub fn dedup_name(scope: DedupScope) -> &'static str {
    match scope {
        DedupScope::Repository => "repository",
        DedupScope::Group => "group",
    }
}

/// Identity of the original of a copied snapshot.
#[derive(Clone, Debug, Serialize)]
struct IdentityDocument {
    repository: String,
    run: String,
}

/// A hold on a snapshot.
#[derive(Clone, Debug, Serialize)]
struct HoldDocument {
    until: Option<String>,
    reason: String,
    placed: Option<String>,
}

/// A complete snapshot.
#[derive(Clone, Debug, Serialize)]
pub struct SnapshotDocument {
    id: String,
    run: String,
    source: String,
    host: String,
    root: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    root_base64: Option<String>,
    command: Vec<String>,
    sequence: u64,
    time: Option<String>,
    finished: Option<String>,
    level: &'static str,
    dedup: &'static str,
    group: String,
    base: Option<String>,
    tags: BTreeMap<String, String>,
    note: Option<String>,
    hold: Option<HoldDocument>,
    program: String,
    copy_of: Option<IdentityDocument>,
    partial: bool,
    errors: u64,
    damaged: bool,
    files_damaged: Option<u64>,
    damage_noted: Option<String>,
    entries: u64,
    files: u64,
    bytes: u64,
    files_new: u64,
    files_changed: u64,
    files_unchanged: u64,
    bytes_read: u64,
    bytes_new: u64,
    bytes_stored: u64,
    chunks_read: u64,
    chunks_new: u64,
    duration_seconds: f64,
}

impl SnapshotDocument {
    /// Makes the document of a snapshot; none unless it is complete.
    pub fn new(snapshot: &Snapshot) -> Option<Self> {
        let (origin, completion) = (&snapshot.origin, snapshot.completion()?);
        let (totals, statistics) = (completion.totals, completion.statistics);
        Some(Self {
            id: origin.run.snapshot_id(),
            run: origin.run.to_string(),
            source: origin.source.clone(),
            host: origin.host.clone(),
            root: String::from_utf8_lossy(&origin.root).into_owned(),
            root_base64: base64_unless_text(&origin.root),
            command: origin.command.clone(),
            sequence: origin.place().0,
            time: time(origin.started),
            finished: time(completion.finished),
            level: level_name(origin.level),
            dedup: dedup_name(origin.dedup),
            group: origin.group.snapshot_id(),
            base: origin.base.map(|base| base.snapshot_id()),
            tags: origin.tags.clone(),
            note: Some(completion.note.clone()).filter(|note| !note.is_empty()),
            hold: completion.hold.as_ref().map(HoldDocument::new),
            program: origin.program.clone(),
            copy_of: origin.copy_of.map(|SnapshotIdentity { repository, run }| IdentityDocument {
                repository: repository.to_string(),
                run: run.to_string(),
            }),
            partial: completion.errors > 0,
            errors: completion.errors,
            damaged: completion.damage.is_some(),
            files_damaged: completion.damage.map(|mark| mark.files),
            damage_noted: completion.damage.and_then(|mark| time(mark.noted)),
            entries: totals.entries,
            files: totals.files,
            bytes: totals.bytes,
            files_new: statistics.files_new,
            files_changed: statistics.files_changed,
            files_unchanged: statistics.files_unchanged,
            bytes_read: statistics.bytes_read,
            bytes_new: statistics.bytes_new,
            bytes_stored: statistics.bytes_stored,
            chunks_read: statistics.chunks_read,
            chunks_new: statistics.chunks_new,
            duration_seconds: statistics.duration_milliseconds as f64 / 1000.0,
        })
    }
}

impl HoldDocument {
    fn new(hold: &Hold) -> Self {
        let until = hold.until_seconds.map(|seconds| Time { seconds, nanoseconds: 0 });
        Self { until: until.and_then(time), reason: hold.reason.clone(), placed: time(hold.placed) }
    }
}

fn time(time: Time) -> Option<String> {
    text::utc_time(time)
}

#[cfg(test)]
mod tests;
