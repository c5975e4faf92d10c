//! Repositories must not be inside each other: checks and retention of the outer one would see the objects of
//! the inner one.

use icecore_aws::{Neighbours, S3Store};
use icecore_format::{
    header::HEADER_MAGIC,
    ids::RunId,
    layout::{
        DATA_PREFIX, HEADER_KEY, KEYS_PREFIX, META_PREFIX, PackPlace, parse_directory_key, parse_log_key,
        parse_snapshot_key,
    },
};
use icecore_store::{RepositoryLocation, StoreError};

use crate::{
    access::RepositoryAccess,
    error::{AccessError, AccessResult},
    store::OpenStore,
};

/// What exists at a location in a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vacancy {
    /// No objects of a repository.
    Unused,
    /// Objects of a repository, or too many objects to check all.
    Unknown,
}

/// Refuses a location in a bucket that is inside of a repository, or above one.
pub(super) fn refuse_in_bucket(
    access: &RepositoryAccess,
    store: &OpenStore,
    s3: &S3Store,
) -> AccessResult<Vacancy> {
    let location = access.location()?;
    let RepositoryLocation::S3 { bucket, .. } = location else { return Ok(Vacancy::Unknown) };
    let looking = s3.neighbours(HEADER_KEY, &HEADER_MAGIC);
    let Neighbours { keys, is_whole, outer } = access.machine.environment.runtime.block_on(looking)?;
    if let Some(prefix) = outer {
        let outer = RepositoryLocation::S3 { bucket: bucket.clone(), prefix };
        return Err(AccessError::InsideRepository {
            location: location.to_string(),
            outer: outer.to_string(),
        });
    }
    for key in &keys {
        let Some((inner, own_key)) = inner_repository(key) else { continue };
        // Any object may have the name of a header.
        if own_key == HEADER_KEY && !is_header(access, store, key)? {
            continue;
        }
        let inner = format!("{location}/{inner}");
        return Err(AccessError::AroundRepository { location: location.to_string(), inner });
    }
    let is_own =
        |key: &String| key == HEADER_KEY || key.starts_with(META_PREFIX) || key.starts_with(DATA_PREFIX);
    Ok(if is_whole && !keys.iter().any(is_own) { Vacancy::Unused } else { Vacancy::Unknown })
}

fn is_header(access: &RepositoryAccess, store: &OpenStore, key: &str) -> AccessResult<bool> {
    let get = store.store.get(key, Some(0..HEADER_MAGIC.len() as u64));
    match access.machine.environment.runtime.block_on(get) {
        Ok(bytes) => Ok(*bytes == HEADER_MAGIC),
        Err(StoreError::NotFound { .. } | StoreError::InvalidRange { .. }) => Ok(false),
        Err(StoreError::NotPermitted { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Splits a key into the location of another repository and the key that the object has there.
fn inner_repository(key: &str) -> Option<(&str, &str)> {
    if key.starts_with(META_PREFIX) || key.starts_with(DATA_PREFIX) {
        return None;
    }
    let splits = key.match_indices('/').map(|(at, _)| (&key[..at], &key[at + 1..]));
    splits.into_iter().find(|(_, own_key)| is_key_of_repository(own_key))
}

fn is_key_of_repository(key: &str) -> bool {
    key == HEADER_KEY
        || key.strip_prefix(KEYS_PREFIX).is_some_and(|slot| RunId::from_hex(slot).is_ok())
        || parse_snapshot_key(key).is_ok()
        || parse_directory_key(key).is_ok()
        || parse_log_key(key).is_ok()
        || PackPlace::parse(key).is_ok()
}

#[cfg(test)]
mod tests;
