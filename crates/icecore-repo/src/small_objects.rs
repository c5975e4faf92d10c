//! Reading all small objects of a kind, snapshots or log records, in a time that hardly grows with their
//! number.
//!
//! The catalogue has most of them in one bundle, which is decrypted once, and the newest as they came from
//! the store. It is a cache: a listing decides which objects exist. An object is fetched if the catalogue has
//! another version than the listing.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    hash::Hash,
};

use icecore_catalog::{BundleKind, Catalog, CatalogError, StoredBundle};
use icecore_format::{
    bundle::{self, BundleWriter, BundledRecord},
    error::FormatResult,
    ids::RecordHash,
    limits::RECORD_OBJECT_BYTES_MAX,
    seal::{ObjectKind, open_object, seal_object},
};
use icecore_store::ObjectInfo;
use rayon::prelude::*;

use crate::{compaction, error::RepoResult, repository::Repository};

/// Objects that one thread opens before a second thread is worthwhile.
const OPENED_IN_A_ROW_MIN: usize = 128;
/// How many objects may be outside the bundle, and how many records in it obsolete, before the bundle is
/// written again. A run that adds one object writes little, and opens few.
pub(crate) const UNBUNDLED_MAX: usize = 64;

/// A kind of small objects.
pub(crate) trait SmallObject: Send + Sized {
    /// Kind of the sealed objects.
    const KIND: ObjectKind;
    /// Kind of their bundle.
    const BUNDLE: BundleKind;
    /// Content of its key.
    type Name: Copy + Eq + Hash + Send + Sync;
    /// An object in the catalogue.
    type Row: Sync;

    /// Reads a key.
    fn name_of(key: &str) -> FormatResult<Self::Name>;
    /// Reads the record of an object with this name.
    fn read(name: Self::Name, record: &[u8]) -> FormatResult<Self>;
    /// Makes a row from a name, a version and a sealed object.
    fn row(name: Self::Name, version: String, object: Vec<u8>) -> Self::Row;
    /// Returns the name, the version and the sealed object of a row.
    fn parts(row: &Self::Row) -> (Self::Name, &str, &[u8]);
    /// Returns all rows.
    fn rows(catalog: &Catalog) -> Result<Vec<Self::Row>, CatalogError>;
    /// Adds rows.
    fn put_rows(catalog: &mut Catalog, rows: &[Self::Row]) -> Result<(), CatalogError>;
    /// Removes rows.
    fn remove_rows(catalog: &mut Catalog, names: &[Self::Name]) -> Result<(), CatalogError>;
    /// Keeps a bundle and removes rows.
    fn put_bundle(
        catalog: &mut Catalog,
        bundle: &StoredBundle,
        names: &[Self::Name],
    ) -> Result<(), CatalogError>;
}

/// An object that the store lists, and its content.
#[derive(Debug)]
pub(crate) struct ListedObject<'a, T: SmallObject> {
    /// The object as it was listed.
    pub object: &'a ObjectInfo,
    pub name: T::Name,
    /// Hash of the sealed object.
    pub hash: RecordHash,
    /// Its content, or why it does not open.
    pub content: RepoResult<T>,
}

/// What the catalogue has.
struct Catalogued<'b, T: SmallObject> {
    rows: HashMap<T::Name, T::Row>,
    bundled: HashMap<&'b str, BundledRecord<'b>>,
}

/// Where an opened object came from.
enum Origin {
    Bundle,
    Row,
    /// The sealed object.
    Store(Vec<u8>),
}

struct Opened<'b, T> {
    /// Position in the listing.
    position: usize,
    hash: RecordHash,
    record: Cow<'b, [u8]>,
    origin: Origin,
    content: T,
}

/// Reads the objects that the store lists, in this order; leaves out objects with foreign keys, and those
/// that were removed meanwhile.
pub(crate) fn read<'a, T: SmallObject>(
    repository: &Repository,
    catalog: &mut Catalog,
    objects: impl Iterator<Item = &'a ObjectInfo>,
) -> RepoResult<Vec<ListedObject<'a, T>>> {
    let listed = named::<T>(objects);
    // Rows first: if another process moves a row into the bundle meanwhile, it is found in both.
    let rows = T::rows(catalog)?.into_iter().map(|row| (T::parts(&row).0, row)).collect();
    let bundle = open_bundle::<T>(repository, catalog)?;
    let bundled = bundle::records(&bundle)?.into_iter().map(|record| (record.key, record)).collect();
    let known = Catalogued { rows, bundled };
    let mut opened = open_known::<T>(repository, &listed, &known);
    let damaged = fetch_missing::<T>(repository, &listed, &mut opened)?;
    keep::<T>(repository, catalog, &listed, &mut opened, &known)?;
    let intact = opened.into_iter().map(|opened| (opened.position, opened.hash, Ok(opened.content)));
    let mut found: Vec<_> = intact.chain(damaged).collect();
    found.sort_unstable_by_key(|(position, ..)| *position);
    let found = found.into_iter().map(|(position, hash, content)| {
        let (name, object) = listed[position];
        ListedObject { object, name, hash, content }
    });
    Ok(found.collect())
}

fn named<'a, T: SmallObject>(
    objects: impl Iterator<Item = &'a ObjectInfo>,
) -> Vec<(T::Name, &'a ObjectInfo)> {
    let named = objects.filter_map(|object| {
        let name = T::name_of(&object.key);
        if name.is_err() {
            tracing::debug!(key = ?object.key, "an object with a foreign name is ignored");
        }
        Some((name.ok()?, object))
    });
    named.collect()
}

/// Opens the bundle; drops it if it cannot be used.
fn open_bundle<T: SmallObject>(repository: &Repository, catalog: &mut Catalog) -> RepoResult<Vec<u8>> {
    let Some(sealed) = catalog.bundle(T::BUNDLE)? else { return Ok(Vec::new()) };
    let opened = bundle::open(repository.keys(), &sealed);
    match opened.and_then(|opened| bundle::records(&opened).map(drop).map(|()| opened)) {
        Ok(opened) => Ok(opened),
        Err(error) => {
            tracing::warn!(path = %catalog.path().display(), %error, "a damaged bundle is removed from the catalogue");
            catalog.drop_bundle(T::BUNDLE)?;
            Ok(Vec::new())
        }
    }
}

/// Opens the listed versions that the catalogue has, on all threads if there are many. Leaves out objects
/// that do not open.
fn open_known<'b, T: SmallObject>(
    repository: &Repository,
    listed: &[(T::Name, &ObjectInfo)],
    known: &Catalogued<'b, T>,
) -> Vec<Opened<'b, T>> {
    let open = |position: usize| {
        let (name, object) = listed[position];
        let version = object.version.0.as_str();
        let row = known.rows.get(&name).map(T::parts).filter(|(_, found, _)| *found == version);
        let (hash, record, origin) = if let Some((_, _, sealed)) = row {
            let record = open_object(repository.keys(), T::KIND, sealed).ok()?;
            (RecordHash::of(sealed), Cow::Owned(record), Origin::Row)
        } else {
            let record = known.bundled.get(object.key.as_str()).filter(|found| found.version == version)?;
            (record.hash, Cow::Borrowed(record.record), Origin::Bundle)
        };
        let content = T::read(name, &record).ok()?;
        Some(Opened { position, hash, record, origin, content })
    };
    let positions = (0..listed.len()).into_par_iter().with_min_len(OPENED_IN_A_ROW_MIN);
    repository.environment().workers.install(|| positions.filter_map(open).collect())
}

/// Fetches the listed objects that are not opened yet, and adds them to `opened`. Returns those that do not
/// open. They are fetched again next time, because they may have been damaged in transit.
fn fetch_missing<T: SmallObject>(
    repository: &Repository,
    listed: &[(T::Name, &ObjectInfo)],
    opened: &mut Vec<Opened<'_, T>>,
) -> RepoResult<Vec<(usize, RecordHash, RepoResult<T>)>> {
    let mut positions: HashMap<&str, usize> = HashMap::new();
    let mut missing = Vec::new();
    for (position, (_, object)) in listed.iter().enumerate() {
        if opened.binary_search_by_key(&position, |opened| opened.position).is_err() {
            positions.insert(&object.key, position);
            missing.push(*object);
        }
    }
    let mut hashes = HashMap::new();
    let damaged = compaction::fetch(repository, missing, RECORD_OBJECT_BYTES_MAX, |object, bytes| {
        let Some(position) = positions.get(object.key.as_str()).copied() else { return Ok(Ok(())) };
        let hash = RecordHash::of(bytes);
        let read = open_object(repository.keys(), T::KIND, bytes)
            .and_then(|record| Ok((T::read(listed[position].0, &record)?, record)));
        Ok(match read {
            Ok((content, record)) => {
                let (record, origin) = (Cow::Owned(record), Origin::Store(bytes.to_vec()));
                opened.push(Opened { position, hash, record, origin, content });
                Ok(())
            }
            Err(error) => {
                hashes.insert(position, hash);
                Err(error)
            }
        })
    })?;
    let damaged = damaged.into_iter().filter_map(|(key, error)| {
        let position = *positions.get(key.as_str())?;
        Some((position, *hashes.get(&position)?, Err(error)))
    });
    Ok(damaged.collect())
}

/// Keeps what the next run needs in the catalogue: new objects in rows, or all objects in a bundle if many
/// are in none.
///
/// If a listed object does not open, its last known content stays: a repair can restore it from there.
fn keep<T: SmallObject>(
    repository: &Repository,
    catalog: &mut Catalog,
    listed: &[(T::Name, &ObjectInfo)],
    opened: &mut [Opened<'_, T>],
    known: &Catalogued<'_, T>,
) -> RepoResult<()> {
    let mut is_open = vec![false; listed.len()];
    for Opened { position, .. } in &*opened {
        is_open[*position] = true;
    }
    let lost = listed.iter().zip(is_open).filter(|(_, is_open)| !is_open).map(|((name, _), _)| *name);
    let lost: HashSet<T::Name> = lost.collect();
    let in_use: HashSet<T::Name> = opened
        .iter()
        .filter(|opened| matches!(opened.origin, Origin::Row))
        .map(|opened| listed[opened.position].0)
        .collect();
    let is_unused = |name: &&T::Name| !in_use.contains(name) && !lost.contains(name);
    let mut unused: Vec<T::Name> = known.rows.keys().filter(is_unused).copied().collect();
    let rebundled = rebundle(repository, listed, opened, known, &lost)?;
    let mut rows = Vec::new();
    for Opened { position, origin, .. } in opened.iter_mut() {
        let (name, info) = listed[*position];
        let is_bundled = rebundled.as_ref().is_some_and(|(_, bundled)| bundled.contains(position));
        match origin {
            Origin::Row if is_bundled => unused.push(name),
            Origin::Store(object) if !is_bundled => {
                rows.push(T::row(name, info.version.0.clone(), std::mem::take(object)));
            }
            _ => {}
        }
    }
    match rebundled {
        Some((bundle, _)) => T::put_bundle(catalog, &bundle, &unused)?,
        None => T::remove_rows(catalog, &unused)?,
    }
    Ok(T::put_rows(catalog, &rows)?)
}

/// Makes a bundle of all objects if it is worthwhile, and returns the positions of those that are in it.
fn rebundle<T: SmallObject>(
    repository: &Repository,
    listed: &[(T::Name, &ObjectInfo)],
    opened: &[Opened<'_, T>],
    known: &Catalogued<'_, T>,
    lost: &HashSet<T::Name>,
) -> RepoResult<Option<(StoredBundle, HashSet<usize>)>> {
    let is_bundled = |opened: &Opened<'_, T>| matches!(opened.origin, Origin::Bundle);
    let in_use = opened.iter().filter(|opened| is_bundled(opened)).count();
    let is_lost = |record: &&BundledRecord<'_>| T::name_of(record.key).is_ok_and(|name| lost.contains(&name));
    let lost: Vec<_> =
        if lost.is_empty() { Vec::new() } else { known.bundled.values().filter(is_lost).collect() };
    let former = in_use + lost.len();
    let stale = known.bundled.len().saturating_sub(former);
    if opened.len() - in_use + stale <= UNBUNDLED_MAX {
        return Ok(None);
    }
    let (mut writer, mut bundled) = (BundleWriter::default(), HashSet::new());
    for record in lost {
        writer.push(record)?;
    }
    // If there is no room for all, those from the old bundle stay.
    let (old, new): (Vec<_>, Vec<_>) = opened.iter().partition(|opened| is_bundled(opened));
    for Opened { position, hash, record, .. } in old.into_iter().chain(new) {
        let object = listed[*position].1;
        let (key, version) = (object.key.as_str(), object.version.0.as_str());
        if writer.push(&BundledRecord { key, version, hash: *hash, record })? {
            bundled.insert(*position);
        }
    }
    // A full bundle is not written again for a few objects.
    if writer.records().saturating_sub(former) + stale <= UNBUNDLED_MAX {
        return Ok(None);
    }
    let records = writer.records();
    let sealed = writer.seal(repository.keys(), &repository.environment().salt())?;
    Ok(Some((StoredBundle { records, sealed }, bundled)))
}

/// Returns the sealed objects that the catalogue has, those in the bundle with new seals. If there are two of
/// one object, the newer one comes first.
pub(crate) fn copies<T: SmallObject>(
    repository: &Repository,
    catalog: &mut Catalog,
) -> RepoResult<Vec<Vec<u8>>> {
    let mut copies: Vec<Vec<u8>> = T::rows(catalog)?.iter().map(|row| T::parts(row).2.to_vec()).collect();
    let bundle = open_bundle::<T>(repository, catalog)?;
    for BundledRecord { record, .. } in bundle::records(&bundle)? {
        copies.push(seal_object(repository.keys(), T::KIND, &repository.environment().salt(), record)?);
    }
    Ok(copies)
}

#[cfg(test)]
mod tests;
