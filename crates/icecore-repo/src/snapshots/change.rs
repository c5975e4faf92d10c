//! Changing what a snapshot object says, without losing what others change at the same time.

use icecore_format::{ids::RunId, layout::snapshot_key, limits::RECORD_OBJECT_BYTES_MAX, snapshot::Snapshot};
use icecore_store::{StoreError, store::PutCondition};

use crate::{
    error::{RepoError, RepoResult},
    repository::Repository,
};

/// How often others may change the object first before that counts as an error.
const ATTEMPTS_MAX: u32 = 16;

/// Reads the snapshot of a run, lets `edit` change it, and stores it by compare-and-swap. If somebody else
/// changed the object meanwhile, all of this happens again. Returns the snapshot as it is stored.
///
/// `edit` returns whether it changed something; else nothing is stored. Fails with
/// [`RepoError::SnapshotContended`] if others are faster each time.
pub fn change<E: From<RepoError>>(
    repository: &Repository,
    run: RunId,
    mut edit: impl FnMut(&mut Snapshot) -> Result<bool, E>,
) -> Result<Snapshot, E> {
    let mut last = None;
    for _ in 0..ATTEMPTS_MAX {
        let (object, version) = read(repository, run)?;
        let key = snapshot_key(run);
        let opened = Snapshot::open(repository.keys(), run, &object).map_err(RepoError::object(&key))?;
        // The change of an earlier attempt, whose reply was lost.
        if last.as_deref() == Some(&object[..]) {
            return Ok(opened);
        }
        let mut changed = opened;
        if !edit(&mut changed)? {
            return Ok(changed);
        }
        let salt = repository.environment().salt();
        let object = changed.seal(repository.keys(), &salt).map_err(RepoError::from)?;
        match repository.put(&key, object.clone().into(), PutCondition::Version(version)) {
            Ok(_) => return Ok(changed),
            Err(RepoError::Store(StoreError::VersionMismatch { .. } | StoreError::NotFound { .. })) => {
                last = Some(object);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(RepoError::SnapshotContended { run }.into())
}

/// Returns the snapshot of a run as it is stored now; none if there is no object of it any more.
pub fn stored(repository: &Repository, run: RunId) -> RepoResult<Option<Snapshot>> {
    match read(repository, run) {
        Ok((object, _)) => Snapshot::open(repository.keys(), run, &object)
            .map(Some)
            .map_err(RepoError::object(snapshot_key(run))),
        Err(RepoError::Store(error)) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn read(repository: &Repository, run: RunId) -> RepoResult<(Vec<u8>, icecore_store::Version)> {
    let key = snapshot_key(run);
    let found = repository.store().get_versioned(&key);
    let (object, version) = repository.environment().runtime.block_on(found)?;
    Ok((object[..object.len().min(RECORD_OBJECT_BYTES_MAX as usize)].to_vec(), version))
}

#[cfg(test)]
mod tests;
