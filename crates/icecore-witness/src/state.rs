//! What this user of this host remembers about repositories, in small files: somebody who changes a
//! repository cannot change these.
//!
//! A repository is remembered for each location at which it was used: a copy beside the original has its own
//! history.
//!
//! Unlike the caches, these files cannot be rebuilt. Without its file, a repository looks as if it were used
//! for the first time; nothing else depends on the files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use icecore_format::{
    entry::Time,
    history::SeenHistory,
    ids::{RecordHash, RecordName, RepositoryId, RunId, SnapshotDigest, WriterId},
    log::{CompletedSnapshot, RecordReference},
};
use serde::{Deserialize, Serialize};

use crate::state_files::{Recalled, recall_file, write};

/// Directory of the state of repositories, below the state directory.
const REPOSITORIES: &str = "repositories";

/// What is remembered about one repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// What was seen of its log and snapshots.
    pub(crate) history: SeenHistory,
    /// Name under which this user writes to the log; none before the first time.
    pub(crate) writer: Option<WriterId>,
    /// Last record of this user.
    pub(crate) last: Option<RecordReference>,
}

/// The repository that was seen at a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resident {
    /// Its id.
    pub repository: RepositoryId,
    /// When it was first seen there.
    pub since: Time,
}

#[derive(Serialize, Deserialize)]
struct RepositoryFile {
    repository: String,
    /// Absent in files of programs that remembered a repository only once, for all locations.
    #[serde(default)]
    location: Option<String>,
    seen: (i64, u32),
    writer: Option<String>,
    last: Option<RecordFile>,
    tips: Vec<RecordFile>,
    snapshots: Vec<SnapshotFile>,
}

#[derive(Serialize, Deserialize)]
struct RecordFile {
    writer: String,
    sequence: u32,
    hash: String,
}

#[derive(Serialize, Deserialize)]
struct SnapshotFile {
    run: String,
    digest: String,
    source: String,
    host: String,
    started: (i64, u32),
}

#[derive(Serialize, Deserialize)]
struct LocationFile {
    location: String,
    repository: String,
    since: (i64, u32),
}

/// What is remembered about a repository at another location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// The location, if it is known.
    pub(crate) location: Option<String>,
    /// What is remembered.
    pub(crate) remembered: Remembered,
}

/// Returns the file of a repository at a location, below the state directory.
pub(crate) fn repository_file(state: &Path, repository: RepositoryId, location: &str) -> PathBuf {
    state.join(REPOSITORIES).join(format!("{repository}-{}", short_hash(location)))
}

/// Returns the file in which earlier programs remembered a repository, for all locations.
pub(crate) fn unplaced_file(state: &Path, repository: RepositoryId) -> PathBuf {
    state.join(REPOSITORIES).join(repository.to_string())
}

/// Returns the file of a location; a location may be any text.
pub(crate) fn location_file(state: &Path, location: &str) -> PathBuf {
    state.join("places").join(short_hash(location))
}

fn short_hash(location: &str) -> String {
    let mut name = RecordHash::of(location.as_bytes()).to_string();
    name.truncate(32);
    name
}

/// Reads what is remembered about a repository.
pub(crate) fn recall(path: &Path, repository: RepositoryId) -> Recalled<Remembered> {
    recall_file(path, |file: RepositoryFile| {
        let found = remembered(&file)?;
        (file.repository == repository.to_string()).then_some(found)
    })
}

/// Returns what is remembered about a repository at the location where it was seen last; ignores files that
/// cannot be read.
pub(crate) fn recall_elsewhere(state: &Path, repository: RepositoryId) -> Option<Elsewhere> {
    let id = repository.to_string();
    let entries = fs::read_dir(state.join(REPOSITORIES)).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_of_repository = |name: &String| {
        let rest = name.strip_prefix(&id);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-') && !rest.contains('.'))
    };
    let found = names.filter(is_of_repository).filter_map(|name| {
        let convert = |file: RepositoryFile| {
            let remembered = remembered(&file).filter(|_| file.repository == id)?;
            Some(Elsewhere { location: file.location, remembered })
        };
        match recall_file(&state.join(REPOSITORIES).join(name), convert) {
            Recalled::Found(elsewhere) => Some(elsewhere),
            Recalled::Nothing | Recalled::Unusable(_) => None,
        }
    });
    found.max_by_key(|elsewhere| (elsewhere.remembered.history.seen, elsewhere.location.is_some()))
}

/// Saves what is remembered about a repository at a location.
pub(crate) fn remember(
    path: &Path,
    repository: RepositoryId,
    location: &str,
    remembered: &Remembered,
) -> io::Result<()> {
    let Remembered { history, writer, last } = remembered;
    let file = RepositoryFile {
        repository: repository.to_string(),
        location: Some(location.to_owned()),
        seen: pair(history.seen),
        writer: writer.map(|writer| writer.to_string()),
        last: last.as_ref().map(record_file),
        tips: history.tips.iter().map(record_file).collect(),
        snapshots: history.snapshots.iter().map(snapshot_file).collect(),
    };
    write(path, &file)
}

/// Reads which repository was seen at a location.
pub(crate) fn recall_location(path: &Path, location: &str) -> Recalled<Resident> {
    recall_file(path, |file: LocationFile| {
        let repository = RepositoryId::from_hex(&file.repository).ok()?;
        (file.location == location).then_some(Resident { repository, since: time(file.since) })
    })
}

/// Saves which repository was seen at a location.
pub(crate) fn remember_location(path: &Path, location: &str, resident: Resident) -> io::Result<()> {
    let file = LocationFile {
        location: location.to_owned(),
        repository: resident.repository.to_string(),
        since: pair(resident.since),
    };
    write(path, &file)
}

fn remembered(file: &RepositoryFile) -> Option<Remembered> {
    let tips = file.tips.iter().map(reference).collect::<Option<_>>()?;
    let snapshots = file.snapshots.iter().map(completed).collect::<Option<_>>()?;
    Some(Remembered {
        history: SeenHistory { seen: time(file.seen), tips, snapshots },
        writer: file.writer.as_ref().map(|writer| WriterId::from_hex(writer)).transpose().ok()?,
        last: match &file.last {
            Some(last) => Some(reference(last)?),
            None => None,
        },
    })
}

fn reference(file: &RecordFile) -> Option<RecordReference> {
    let name = RecordName { writer: WriterId::from_hex(&file.writer).ok()?, sequence: file.sequence };
    Some(RecordReference { name, hash: RecordHash::from_hex(&file.hash).ok()? })
}

fn record_file(reference: &RecordReference) -> RecordFile {
    let RecordReference { name, hash } = reference;
    RecordFile { writer: name.writer.to_string(), sequence: name.sequence, hash: hash.to_string() }
}

fn completed(file: &SnapshotFile) -> Option<CompletedSnapshot> {
    Some(CompletedSnapshot {
        run: RunId::from_hex(&file.run).ok()?,
        digest: SnapshotDigest::from_hex(&file.digest).ok()?,
        source: file.source.clone(),
        host: file.host.clone(),
        started: time(file.started),
    })
}

fn snapshot_file(snapshot: &CompletedSnapshot) -> SnapshotFile {
    SnapshotFile {
        run: snapshot.run.to_string(),
        digest: snapshot.digest.to_string(),
        source: snapshot.source.clone(),
        host: snapshot.host.clone(),
        started: pair(snapshot.started),
    }
}

fn pair(time: Time) -> (i64, u32) {
    (time.seconds, time.nanoseconds)
}

fn time((seconds, nanoseconds): (i64, u32)) -> Time {
    Time { seconds, nanoseconds }
}

#[cfg(test)]
mod tests;
