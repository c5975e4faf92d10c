//! Reads the records of collections: which packs count as absent.

use std::time::SystemTime;

use futures_util::{StreamExt, stream};
use icecore_format::{
    collection::{CollectionRecord, Condemned},
    ids::CollectionNumber,
    layout::{GC_PREFIX, parse_collection_key},
};
use icecore_store::{
    ObjectInfo, Version,
    store::{StoreExt, StoreResult},
};

use crate::{
    error::{RepoError, RepoResult},
    repository::Repository,
};

/// How often records may be removed while they are read before that counts as an error.
const ATTEMPTS_MAX: u32 = 8;
/// Records that are fetched at a time.
const FETCH_CONCURRENCY: usize = 8;

/// A record as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCollection {
    /// The record.
    pub record: CollectionRecord,
    /// Version of its object.
    pub version: Version,
    /// When the object was written, by the store's clock.
    pub modified: SystemTime,
}

/// Returns the packs that records condemn.
pub fn condemned(records: &[StoredCollection]) -> Condemned {
    Condemned::of(records.iter().map(|stored| &stored.record))
}

/// Lists and reads all records, by number.
pub fn list(repository: &Repository) -> RepoResult<Vec<StoredCollection>> {
    let environment = repository.environment();
    let listed = environment.runtime.block_on(repository.store().list(GC_PREFIX))?;
    read(repository, &listed)
}

/// Reads the records from a listing that the caller has, by number; other objects in it are left out.
///
/// A record that is removed before it is read makes all records be listed again: a newer one, which repeats
/// what still counts, may be missing in the listing. A record that does not open is an error: nobody may
/// write while it is not known which packs it condemns.
pub fn read(repository: &Repository, listed: &[ObjectInfo]) -> RepoResult<Vec<StoredCollection>> {
    let environment = repository.environment();
    let mut listed = listed.to_vec();
    for _ in 0..ATTEMPTS_MAX {
        environment.proceed()?;
        if let Some(records) = read_all(repository, &listed)? {
            return Ok(records);
        }
        listed = environment.runtime.block_on(repository.store().list(GC_PREFIX))?;
    }
    Err(RepoError::CollectionsChange)
}

/// Reads all records of a listing; nothing if one of them is not there any more.
fn read_all(repository: &Repository, listed: &[ObjectInfo]) -> RepoResult<Option<Vec<StoredCollection>>> {
    // Other names are of no objects of the repository: a file system or an administrator has put them there.
    let numbered = listed.iter().filter_map(|object| Some((parse_collection_key(&object.key).ok()?, object)));
    let objects: Vec<(CollectionNumber, &ObjectInfo)> = numbered.collect();
    let fetches = stream::iter(&objects).map(|(_, object)| repository.store().get_if_exists(&object.key));
    let fetches = fetches.buffered(FETCH_CONCURRENCY).collect();
    let fetched: Vec<StoreResult<_>> = repository.environment().runtime.block_on(fetches);
    let mut records = Vec::new();
    for ((number, object), found) in objects.into_iter().zip(fetched) {
        let Some((bytes, version)) = found? else { return Ok(None) };
        let record = CollectionRecord::open(repository.keys(), number, &bytes)
            .map_err(|source| RepoError::Collection { key: object.key.clone(), source })?;
        records.push(StoredCollection { record, version, modified: object.modified });
    }
    records.sort_by_key(|stored| stored.record.number);
    Ok(Some(records))
}

#[cfg(test)]
mod tests;
