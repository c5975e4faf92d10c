//! Index objects: reading many small objects of `meta/` with few requests, and writing the copies that make
//! this possible.
//!
//! An index object holds copies of objects that were written in a span of time by the store's clock. It is a
//! cache: the listings of the originals decide which objects exist. A copy whose version differs from the
//! listed one is not used. If a copy does not open, the original is fetched.

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
/// Objects fetched before they are handed on.
const FETCH_BATCH: usize = 256;
/// Bytes fetched before they are handed on: a pack of tiny files has a directory of many MiB.
const FETCH_BATCH_BYTES: u64 = 64 << 20;

/// If fewer objects are wanted, they are fetched one by one, without looking at the index objects.
const WANTED_MIN: usize = 64;
/// An index object that holds fewer of the wanted objects is not fetched.
const COPIES_WANTED_MIN: usize = 8;
/// Index objects fetched at a time.
const INDEX_CONCURRENCY: usize = 8;

/// A run writes index objects when at least this many objects are in none.
pub(crate) const UNINDEXED_MAX: usize = 256;
/// Copies in an index object.
const COPIES_MAX: usize = 1024;
/// Bytes of the copies in an index object.
const COPIES_BYTES_MAX: u64 = 4 << 20;
/// A longer object is not copied: the request is a small part of the cost of reading it.
const COPY_BYTES_MAX: u64 = 256 << 10;
/// How long an object may exist before it is listed: a multipart upload has the time of its start.
const UNSEEN_MAX: Duration = Duration::from_mins(5);

const _: () = assert!(COPIES_MAX <= INDEX_COPIES_MAX);

/// Fetches the listed objects and gives each to `take`; uses copies where index objects have enough of them.
///
/// `take` reports what is wrong with the bytes. If it rejects a copy, it gets the object itself. If it
/// rejects the object itself, the error is returned with the object's key. Objects that no longer exist are
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

/// Takes what index objects have, and returns the remaining objects.
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

/// Returns the end of the last span. Spans follow each other: an object that was written earlier is in one of
/// them, or was too long.
fn end_of<'a>(indexes: impl Iterator<Item = &'a ObjectInfo>) -> u64 {
    indexes.filter_map(|index| IndexSpan::parse(&index.key)).map(|span| span.until).max().unwrap_or(0)
}

/// Writes index objects for the objects that are in none, until fewer than `copies_min` are left, and returns
/// how many index objects it wrote.
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
        // More objects of one millisecond than fit into an index object.
        let copied = rest.partition_point(|object| milliseconds(object.modified) <= after);
        rest = &rest[copied..];
    }
    Ok(written)
}

/// Splits off the objects that fit into one index object; `objects` are sorted by time. Returns none if there
/// are no objects. Objects that were written in the same millisecond stay together if possible.
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

/// Reads the objects to be copied; leaves out those that were removed or changed since they were listed.
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
