//! The expected content of a repository, and the comparison with its real content.

use std::{path::Path, sync::Arc};

use icecore_format::ids::RunId;
use icecore_store::Store;

use super::{
    command::{Backup, Command, Content, Restore, STREAM_NAME},
    host::{Host, place},
};
use crate::harness::{Tree, differences, read};

/// Expected content of a snapshot.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    Tree(Tree),
    /// Hash of the stream.
    Stream(Vec<u8>),
}

impl Expected {
    /// Returns the expected content of a backup that is made now.
    pub(crate) fn of(backup: &Backup) -> Self {
        match &backup.content {
            Content::Tree(path) => Self::Tree(read(path)),
            Content::Stream { bytes, .. } => Self::Stream(blake3::hash(bytes).as_bytes().to_vec()),
        }
    }

    /// Describes how the restored tree differs.
    pub(crate) fn compare(&self, target: &Path) -> Result<(), String> {
        let found = read(target);
        let differences = match self {
            Self::Tree(tree) => differences(tree, &found),
            Self::Stream(hash) => match found.get(STREAM_NAME.as_bytes()) {
                Some(file) if file.content == *hash && found.len() == 2 => Vec::new(),
                _ => vec![format!("the stream is not in {:?}", found.keys())],
            },
        };
        if differences.is_empty() { Ok(()) } else { Err(differences.join("\n")) }
    }
}

/// Expected content of a repository.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expectation {
    /// The complete snapshots.
    pub(crate) snapshots: Vec<(RunId, Expected)>,
}

impl Expectation {
    /// Checks all data, and restores and compares all snapshots. There may be unexpected snapshots of
    /// interrupted runs: each must be one of `others`. They are returned, and become expected if the caller
    /// adds them.
    pub(crate) fn verify(
        &self,
        host: &Host,
        store: &Arc<dyn Store>,
        key: u8,
        others: &[Expected],
    ) -> Result<Vec<(RunId, Expected)>, String> {
        let unknown = self.check_and_list(host, store, key)?;
        for (run, expected) in &self.snapshots {
            restore_and_compare(host, store, key, *run, std::slice::from_ref(expected))?;
        }
        if unknown.len() > others.len() {
            return Err(format!("snapshots from nowhere: {unknown:?}"));
        }
        let named = unknown.into_iter();
        named.map(|run| Ok((run, restore_and_compare(host, store, key, run, others)?))).collect()
    }

    /// Checks all data, and restores and compares the snapshot that was added last; there must be no
    /// unexpected ones.
    pub(crate) fn verify_latest(&self, host: &Host, store: &Arc<dyn Store>, key: u8) -> Result<(), String> {
        let unknown = self.check_and_list(host, store, key)?;
        if !unknown.is_empty() {
            return Err(format!("snapshots from nowhere: {unknown:?}"));
        }
        let Some((run, expected)) = self.snapshots.last() else { return Ok(()) };
        restore_and_compare(host, store, key, *run, std::slice::from_ref(expected)).map(drop)
    }

    /// Checks all data and finds the complete snapshots; returns the unexpected ones.
    fn check_and_list(&self, host: &Host, store: &Arc<dyn Store>, key: u8) -> Result<Vec<RunId>, String> {
        let check = host.run(store, key, &Command::Check);
        check.map_err(|error| format!("check: {}", error.text()))?;
        let list = host.unlock(store, key).and_then(|repository| host.snapshots(&repository));
        let list = list.map_err(|error| format!("snapshots: {}", error.text()))?;
        if let Some((key, error)) = list.damaged.first() {
            return Err(format!("{key}: {error}"));
        }
        let mut unknown: Vec<RunId> = list.complete(None).map(|snapshot| snapshot.origin.run).collect();
        for (run, _) in &self.snapshots {
            if !unknown.contains(run) {
                return Err(format!("the snapshot {run} is gone"));
            }
            unknown.retain(|found| found != run);
        }
        Ok(unknown)
    }
}

/// Restores a snapshot into a new directory, and returns which of `candidates` it matches.
fn restore_and_compare(
    host: &Host,
    store: &Arc<dyn Store>,
    key: u8,
    run: RunId,
    candidates: &[Expected],
) -> Result<Expected, String> {
    let target = place();
    let restore = Restore { run, target: target.path().join("target"), delete: false, verify: false };
    let restored = host.run(store, key, &Command::Restore(restore.clone()));
    restored.map_err(|error| format!("restore of {run}: {}", error.text()))?;
    let mut differences = Vec::new();
    for candidate in candidates {
        match candidate.compare(&restore.target) {
            Ok(()) => return Ok(candidate.clone()),
            Err(found) => differences.push(found),
        }
    }
    Err(format!("restored {run}: {}", differences.join("\nor\n")))
}
