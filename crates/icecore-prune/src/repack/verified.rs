//! Reading a whole pack, and making sure that it is what its directory says.

use bytes::Bytes;
use icecore_format::{directory::PackDirectory, layout::PackPlace};
use icecore_repo::{error::RepoError, repository::Repository, whole_pack};
use icecore_store::StoreError;

use crate::{error::PruneResult, packs::PackTable};

/// Reads a pack and opens all its blocks; nothing if it is gone, archived or damaged: a check says more.
pub(super) fn read(
    repository: &Repository,
    packs: &PackTable,
    directory: &PackDirectory,
) -> PruneResult<Option<Bytes>> {
    let Some(number) = packs.number(directory.pack) else { return Ok(None) };
    let Some((place, object)) = &packs.get(number).pack else { return Ok(None) };
    if *place != PackPlace::of(directory.kind, directory.group) {
        return Ok(None);
    }
    let environment = repository.environment();
    environment.proceed()?;
    let bytes = match environment.runtime.block_on(repository.store().get(&object.key, None)) {
        Ok(bytes) => bytes,
        Err(StoreError::NotFound { .. } | StoreError::Archived { .. }) => return Ok(None),
        Err(error) => return Err(RepoError::from(error).into()),
    };
    let verified = environment.workers.install(|| whole_pack::verify(repository.keys(), directory, &bytes));
    Ok(verified.is_ok().then_some(bytes))
}
