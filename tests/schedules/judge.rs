//! Judges a repository by its bytes alone: whether it still contains what it must, and what it contains for
//! nothing.
//!
//! It is written from `docs/format.md` and shares no code with the program, so that both do not make the same
//! mistake.

mod collections;
mod garbage;
mod log;
mod manifest;
mod names;
mod packs;
mod repository;
mod sealed;
mod snapshots;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;

use bytes::Bytes;

use garbage::Needed;
use manifest::{Manifest, shown};
use names::Run;
use repository::Repository;
use sealed::Keys;

/// A snapshot that a repository must contain, complete and with this content.
pub(crate) struct Expected {
    pub(crate) run: [u8; 16],
    /// Content of all regular files, by path relative to the source's root.
    pub(crate) files: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Returns what is wrong with the repository, one sentence each.
///
/// All complete snapshots must be readable, and those that are expected must exist and have their content.
/// `objects` are all objects of the repository by key; `secret` is that of a key file.
pub(crate) fn judge(
    objects: &BTreeMap<String, Bytes>,
    secret: &[u8; 32],
    expected: &[Expected],
) -> Vec<String> {
    let keys = match Keys::unlock(objects, secret) {
        Ok(keys) => keys,
        Err(fault) => return vec![format!("the repository does not open: {fault}")],
    };
    let repository = Repository::open(&keys, objects);
    let mut violations = repository.faults.clone();
    violations.extend(repository.contradictions());
    for (run, snapshot) in &repository.snapshots {
        let Some(manifest) = repository.manifest(snapshot) else { continue };
        violations.extend(manifest.faults.iter().map(|fault| format!("snapshot {run}: {fault}")));
        if let Some(expected) = expected.iter().find(|expected| expected.run == run.0) {
            violations.extend(differences(&manifest, expected, *run));
        }
    }
    for run in expected.iter().map(|expected| Run(expected.run)) {
        match repository.snapshots.get(&run) {
            None => violations.push(format!("snapshot {run}: it is expected, and it is missing")),
            Some(snapshot) if snapshot.state != snapshots::State::Complete => {
                let state = snapshot.state;
                violations
                    .push(format!("snapshot {run}: it is expected to be complete, and it is {state:?}"));
            }
            Some(_) => {}
        }
    }
    violations
}

/// Compares the files of a snapshot with those that it must have.
fn differences(manifest: &Manifest<'_>, expected: &Expected, run: Run) -> Vec<String> {
    // If a node is lost, its files are missing, too; the loss was reported.
    let missing = expected
        .files
        .keys()
        .filter(|path| manifest.faults.is_empty() && !manifest.files.contains_key(*path));
    let missing = missing.map(|path| format!("snapshot {run}: the file {} is missing", shown(path)));
    let others = manifest.files.iter().filter_map(|(path, content)| {
        let what = match expected.files.get(path) {
            None => "is not expected",
            Some(right) if content.as_ref() != Some(right) => "has another content",
            Some(_) => return None,
        };
        Some(format!("snapshot {run}: the file {} {what}", shown(path)))
    });
    missing.chain(others).collect()
}

/// Returns the objects that nothing needs, one sentence each, with the reason.
///
/// A pack is needed if it contains a chunk that a complete snapshot refers to, even if another pack contains
/// the same chunk; packs of pending runs, and those that an interrupted run left for the next one, are needed
/// for now. If a snapshot cannot be read completely, nobody knows what it needs: then this is all that is
/// reported.
pub(crate) fn garbage(objects: &BTreeMap<String, Bytes>, secret: &[u8; 32]) -> Vec<String> {
    let keys = match Keys::unlock(objects, secret) {
        Ok(keys) => keys,
        Err(fault) => return vec![format!("the repository does not open: {fault}")],
    };
    let repository = Repository::open(&keys, objects);
    let mut needed = Needed::new();
    let mut faults = Vec::new();
    for (run, snapshot) in &repository.snapshots {
        let Some(manifest) = repository.manifest(snapshot) else { continue };
        needed.add(snapshot, manifest.references);
        faults.extend(manifest.faults.into_iter().map(|fault| format!("snapshot {run}: {fault}")));
    }
    if faults.is_empty() { garbage::list(&repository, &needed) } else { faults }
}
