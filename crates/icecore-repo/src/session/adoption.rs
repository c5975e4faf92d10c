//! Adopting packs that an interrupted run has uploaded but not listed: each pack holds a copy of its own
//! directory.
//!
//! A run uploads a pack first, and its directory when the pack is durable. A run that was killed in between
//! leaves packs without directories (at most as many as were being uploaded). Without adoption, their chunks
//! would be uploaded again.

use std::collections::HashMap;

use icecore_format::{
    collection::Condemned,
    directory::PackDirectory,
    ids::{PackName, RunId},
    layout::{PackPlace, snapshot_key},
    limits::{PACK_BYTES_MAX, RECORD_OBJECT_BYTES_MAX},
    snapshot::{Snapshot, SnapshotState},
};
use icecore_store::store::StoreExt;

use crate::{
    error::{RepoError, RepoResult},
    repository::Repository,
    session::upload::put_directory,
    stored_packs::StoredPacks,
    whole_pack::read_whole,
};

/// Writes the directories of packs that have none, unless the run belongs to another host and may still be
/// active; returns the directories.
///
/// Each such pack is read in full, and every chunk in it is verified before it counts. One that cannot be
/// used stays as it is, and so does a condemned one: a collection may be removing its directory just now, and
/// the new one would stay behind. `listed` are the names of all packs that have a directory, sorted.
pub(crate) fn adopt(
    repository: &Repository,
    stored: &StoredPacks,
    listed: &[PackName],
    condemned: &Condemned,
    host: &str,
) -> RepoResult<Vec<PackDirectory>> {
    let mut abandoned = HashMap::new();
    let mut adopted = Vec::new();
    let unlisted = stored.not_among(listed).into_iter();
    for (name, place) in unlisted.filter(|(name, _)| !condemned.is_condemned(*name)) {
        repository.environment().proceed()?;
        let is_abandoned = if let Some(known) = abandoned.get(&name.run) {
            *known
        } else {
            let found = is_abandoned(repository, name.run, host)?;
            abandoned.insert(name.run, found);
            found
        };
        if !is_abandoned {
            continue;
        }
        match adopt_pack(repository, name, place) {
            Ok(directory) => {
                tracing::info!(pack = %name, "a pack of an interrupted run is reused");
                adopted.push(directory);
            }
            Err(error @ RepoError::Interrupted) => return Err(error),
            // Its chunks are uploaded again, which costs only time.
            Err(error) => {
                tracing::warn!(pack = %name, %error, "a pack of an interrupted run cannot be reused");
            }
        }
    }
    Ok(adopted)
}

/// Returns whether the run of some packs will never list them: it is over, or it is pending and was begun on
/// this host.
///
/// If a run of this host is still alive, it finds the directory that it is about to write, with the same
/// content, and continues.
fn is_abandoned(repository: &Repository, run: RunId, host: &str) -> RepoResult<bool> {
    let environment = repository.environment();
    let key = snapshot_key(run);
    let fetch = repository.store().get_at_most(&key, RECORD_OBJECT_BYTES_MAX);
    match environment.runtime.block_on(fetch) {
        Err(error) if error.is_not_found() => Ok(true),
        Err(error) => Err(error.into()),
        Ok(bytes) => Ok(Snapshot::open(repository.keys(), run, &bytes).map_or(true, |snapshot| {
            !matches!(snapshot.state, SnapshotState::Pending { .. }) || snapshot.origin.host == host
        })),
    }
}

fn adopt_pack(repository: &Repository, name: PackName, place: PackPlace) -> RepoResult<PackDirectory> {
    let environment = repository.environment();
    let key = place.key(name);
    let pack = environment.runtime.block_on(repository.store().get(&key, Some(0..PACK_BYTES_MAX + 1)))?;
    let directory = environment
        .workers
        .install(|| read_whole(repository.keys(), name, place, &pack))
        .map_err(RepoError::object(key))?;
    let object = directory.seal(repository.keys(), &environment.salt())?;
    let stored = put_directory(repository.store().as_ref(), repository.keys(), &directory, object.into());
    environment.runtime.block_on(stored)?;
    Ok(directory)
}
