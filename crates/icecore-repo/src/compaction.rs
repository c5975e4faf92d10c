//! Index objects: reading many small objects of `meta/` by few requests, and writing the copies that this
//! takes.
//!
//! An index object has copies of what was written in a span of time by the store's clock. It is a cache: the
//! listings of the originals decide what there is, a copy of another version than the listed one is not used,
//! and one that does not open is fetched from where it was copied.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use icecore_format::{
    error::FormatResult,
    index_object::{self, ObjectCopy},
    layout::{INDEX_PREFIX, IndexSpan, LOG_PREFIX, PACKS_PREFIX, SNAPSHOTS_PREFIX},
    limits::{INDEX_COPIES_MAX, INDEX_OBJECT_BYTES_MAX},
};
use icecore_store::{
    error::StoreError,
    store::{ObjectInfo, PutCondition},
};

use crate::{
    error::{RepoError, RepoResult},
    repository::Repository,
};

/// Objects fetched at a time.
const FETCH_CONCURRENCY: usize = 48;
/// Objects fetched before they are handed on, …
const FETCH_BATCH: usize = 256;
/// … or their bytes: a pack of tiny files has a directory of many MiB.
const FETCH_BATCH_BYTES: u64 = 64 << 20;

/// Fewer objects are fetched one by one, without a look at the index objects.
const WANTED_MIN: usize = 64;
/// An index object with fewer of the objects that are wanted is not fetched.
const COPIES_WANTED_MIN: usize = 8;
/// Index objects fetched at a time.
const INDEX_CONCURRENCY: usize = 8;

/// Objects that are in no index object before a run writes one, or more.
pub(crate) const UNINDEXED_MAX: usize = 256;
/// Copies in an index object, …
const COPIES_MAX: usize = 1024;
/// … and their bytes.
const COPIES_BYTES_MAX: u64 = 4 << 20;
/// A longer object is not copied: a request for it is not what its reading costs.
const COPY_BYTES_MAX: u64 = 256 << 10;
/// How long an object may have existed before it is listed: the time of a multipart upload is that of its
/// start.
const UNSEEN_MAX: Duration = Duration::from_mins(5);

const _: () = assert!(COPIES_MAX <= INDEX_COPIES_MAX);

/// Fetches the objects that were listed, and gives each to `take`; copies, where index objects have enough of
/// them.
///
/// `take` says what is wrong with the bytes. What it does not like of a copy it is given again as the object
/// itself; what it does not like of the object itself is returned, with its key. Objects that are gone are
/// left out.
pub(crate) fn fetch(
    repository: &Repository,
    wanted: Vec<&ObjectInfo>,
    bytes_max: u64,
    mut take: impl FnMut(&ObjectInfo, &[u8]) -> RepoResult<FormatResult<()>>,
) -> RepoResult<Vec<(String, RepoError)>> {
    let wanted = take_copies(repository, wanted, &mut take)?;
    let mut damaged = Vec::new();
    let mut rest = wanted.as_slice();
    while !rest.is_empty() {
        repository.environment().proceed()?;
        let (batch, remaining) = rest.split_at(batch_length(rest));
        rest = remaining;
        for (object, fetched) in batch.iter().zip(get(repository, batch, bytes_max, FETCH_CONCURRENCY)) {
            match fetched {
                Ok(bytes) => {
                    if let Err(source) = take(object, &bytes)? {
                        let key = object.key.clone();
                        damaged.push((key.clone(), RepoError::Object { key, source }));
                    }
                }
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(damaged)
}

/// Returns how many objects are fetched together; at least one.
fn batch_length(objects: &[&ObjectInfo]) -> usize {
    let mut bytes = 0u64;
    let fits = objects.iter().take(FETCH_BATCH).take_while(|object| {
        bytes = bytes.saturating_add(object.size);
        bytes <= FETCH_BATCH_BYTES
    });
    fits.count().max(1)
}

fn get(
    repository: &Repository,
    objects: &[&ObjectInfo],
    bytes_max: u64,
    concurrency: usize,
) -> Vec<Result<Bytes, StoreError>> {
    let keys: Vec<String> = objects.iter().map(|object| object.key.clone()).collect();
    repository.get_many(&keys, bytes_max, concurrency)
}

/// Takes what index objects have, and returns what is left.
fn take_copies<'a>(
    repository: &Repository,
    wanted: Vec<&'a ObjectInfo>,
    take: &mut impl FnMut(&ObjectInfo, &[u8]) -> RepoResult<FormatResult<()>>,
) -> RepoResult<Vec<&'a ObjectInfo>> {
    if wanted.len() < WANTED_MIN {
        return Ok(wanted);
    }
    let environment = repository.environment();
    let listed = environment.runtime.block_on(repository.store().list(INDEX_PREFIX))?;
    let has_enough = |index: &&ObjectInfo| {
        IndexSpan::parse(&index.key).is_some_and(|span| {
            let copied = wanted.iter().filter(|object| span.contains(milliseconds(object.modified)));
            copied.take(COPIES_WANTED_MIN).count() == COPIES_WANTED_MIN
        })
    };
    let indexes: Vec<&ObjectInfo> = listed.iter().filter(has_enough).collect();
    let mut rest: BTreeMap<&str, &ObjectInfo> =
        wanted.into_iter().map(|object| (object.key.as_str(), object)).collect();
    for batch in indexes.chunks(INDEX_CONCURRENCY) {
        environment.proceed()?;
        let fetched = get(repository, batch, INDEX_OBJECT_BYTES_MAX, INDEX_CONCURRENCY);
        for (index, fetched) in batch.iter().zip(fetched) {
            let opened = fetched
                .map_err(RepoError::from)
                .and_then(|bytes| Ok(index_object::open(repository.keys(), &bytes)?));
            let copies = opened.unwrap_or_else(|error| {
                tracing::info!(key = index.key, %error, "an index object cannot be used");
                Vec::new()
            });
            for copy in copies {
                let Some(object) = rest.get(copy.key.as_str()) else { continue };
                if object.version.0 == copy.version && take(object, &copy.bytes)?.is_ok() {
                    rest.remove(copy.key.as_str());
                }
            }
        }
    }
    Ok(rest.into_values().collect())
}

/// Returns how many of the objects are in no index object and could be. `indexes` are all below
/// [`INDEX_PREFIX`].
pub(crate) fn unindexed<'a>(
    objects: impl Iterator<Item = &'a ObjectInfo>,
    indexes: impl Iterator<Item = &'a ObjectInfo>,
) -> usize {
    let end = end_of(indexes);
    objects.filter(|object| object.size <= COPY_BYTES_MAX && milliseconds(object.modified) > end).count()
}

/// Returns the end of the last span. Spans follow each other, so that whatever was written before is in one
/// of them, or was too long for it.
fn end_of<'a>(indexes: impl Iterator<Item = &'a ObjectInfo>) -> u64 {
    indexes.filter_map(|index| IndexSpan::parse(&index.key)).map(|span| span.until).max().unwrap_or(0)
}

/// Writes index objects for what is in none, until fewer than `copies_min` objects are left, and returns
/// their number.
pub(crate) fn compact(repository: &Repository, copies_min: usize) -> RepoResult<usize> {
    let environment = repository.environment();
    let list = |prefix| environment.runtime.block_on(repository.store().list(prefix));
    let indexes = list(INDEX_PREFIX)?;
    let mut objects = Vec::new();
    for prefix in [SNAPSHOTS_PREFIX, LOG_PREFIX, PACKS_PREFIX] {
        objects.extend(list(prefix)?);
    }
    let Some(newest) = objects.iter().map(|object| object.modified).max() else { return Ok(0) };
    let until = milliseconds(newest.checked_sub(UNSEEN_MAX).unwrap_or(SystemTime::UNIX_EPOCH));
    let mut after = end_of(indexes.iter());
    objects.retain(|object| {
        let written = milliseconds(object.modified);
        object.size <= COPY_BYTES_MAX && after < written && written <= until
    });
    objects.sort_by(|left, right| (left.modified, &left.key).cmp(&(right.modified, &right.key)));
    let mut written = 0;
    let mut rest = objects.as_slice();
    while rest.len() >= copies_min
        && let Some((part, remaining)) = split_part(rest)
    {
        environment.proceed()?;
        rest = remaining;
        let span = IndexSpan { after, until: part.last().map_or(after, |last| milliseconds(last.modified)) };
        let object = index_object::seal(&copy(repository, part)?, repository.keys(), &environment.salt())?;
        match repository.put(&span.key(), object.into(), PutCondition::Absent) {
            Ok(_) => written += 1,
            // Another run was faster.
            Err(RepoError::Store(StoreError::AlreadyExists { .. })) => {}
            Err(error) => return Err(error),
        }
        after = span.until;
        // Of one millisecond, more than fits into an index object.
        let copied = rest.partition_point(|object| milliseconds(object.modified) <= after);
        rest = &rest[copied..];
    }
    Ok(written)
}

/// Splits off what fits into an index object, from what is sorted by time; nothing if there is nothing. What
/// was written in the same millisecond stays together, if that is possible.
fn split_part(objects: &[ObjectInfo]) -> Option<(&[ObjectInfo], &[ObjectInfo])> {
    let mut bytes = 0;
    let fits = objects.iter().take(COPIES_MAX).take_while(|object| {
        bytes += object.size;
        bytes <= COPIES_BYTES_MAX
    });
    let fits = fits.count();
    let time = |position: usize| objects.get(position).map(|object| milliseconds(object.modified));
    let border = (1..=fits).rev().find(|length| time(*length) != time(length - 1));
    let part = objects.split_at(border.unwrap_or(fits));
    (!part.0.is_empty()).then_some(part)
}

/// Reads what is to be copied; what is gone or has changed since it was listed is left out.
fn copy(repository: &Repository, objects: &[ObjectInfo]) -> RepoResult<Vec<ObjectCopy>> {
    let wanted: Vec<&ObjectInfo> = objects.iter().collect();
    let mut copies = Vec::with_capacity(objects.len());
    for (object, fetched) in objects.iter().zip(get(repository, &wanted, COPY_BYTES_MAX, FETCH_CONCURRENCY)) {
        match fetched {
            Ok(bytes) if bytes.len() as u64 == object.size => {
                let (key, version) = (object.key.clone(), object.version.0.clone());
                copies.push(ObjectCopy { key, version, bytes: bytes.to_vec() });
            }
            Ok(_) => {}
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(copies)
}

fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests;
