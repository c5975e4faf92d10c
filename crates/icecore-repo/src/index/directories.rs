//! Brings the catalogue up to date with the pack directories in the store.

use icecore_catalog::Catalog;
use icecore_format::{
    directory::PackDirectory,
    ids::PackName,
    layout::{PACKS_PREFIX, parse_directory_key},
    limits::DIRECTORY_OBJECT_BYTES_MAX,
};
use icecore_store::ObjectInfo;

use crate::{
    compaction,
    error::{RepoError, RepoResult},
    index::small_manifests,
    repository::Repository,
};

/// Maximum number of opened directories that wait for the catalogue.
const ADD_BATCH: usize = 1024;
/// Maximum number of their chunks: a short directory can unfold to many.
const ADD_BATCH_CHUNKS: usize = 1 << 20;

/// Lists the directories, and reads the new ones.
pub(super) fn read_listed(
    repository: &Repository,
    catalog: &mut Catalog,
) -> RepoResult<Vec<(String, RepoError)>> {
    let listed = repository.environment().runtime.block_on(repository.store().list(PACKS_PREFIX))?;
    read_new(repository, catalog, &listed.iter().collect::<Vec<_>>(), None)
}

/// Fetches the directories among `listed` that the catalogue does not have, and removes those that are not
/// listed from the catalogue. If `manifests` are given, small packs among them may be fetched instead of
/// their directories.
pub(super) fn read_new(
    repository: &Repository,
    catalog: &mut Catalog,
    listed: &[&ObjectInfo],
    manifests: Option<&[&ObjectInfo]>,
) -> RepoResult<Vec<(String, RepoError)>> {
    let known = catalog.known_packs()?;
    let mut present = Vec::new();
    for object in listed {
        if let Ok(name) = parse_directory_key(&object.key) {
            present.push((name, *object));
        }
    }
    present.sort_unstable_by_key(|(name, _)| *name);
    let is_present = |name: &PackName| present.binary_search_by_key(name, |(name, _)| *name).is_ok();
    let vanished: Vec<PackName> = known.iter().copied().filter(|name| !is_present(name)).collect();
    catalog.remove_packs(&vanished)?;
    present.retain(|(name, _)| known.binary_search(name).is_err());
    let mut missing: Vec<&ObjectInfo> = present.into_iter().map(|(_, object)| object).collect();
    let (mut directories, mut chunks) = (Vec::new(), 0);
    if let Some(manifests) = manifests {
        missing = small_manifests::read(repository, missing, manifests, &mut directories)?;
    }
    let damaged = compaction::fetch(repository, missing, DIRECTORY_OBJECT_BYTES_MAX, |object, bytes| {
        let opened = parse_directory_key(&object.key)
            .and_then(|name| PackDirectory::open(repository.keys(), name, bytes));
        let directory = match opened {
            Ok(directory) => directory,
            Err(error) => return Ok(Err(error)),
        };
        chunks += directory.chunks.len();
        directories.push(directory);
        if chunks >= ADD_BATCH_CHUNKS || directories.len() >= ADD_BATCH {
            catalog.add_directories(&directories)?;
            directories.clear();
            chunks = 0;
        }
        Ok(Ok(()))
    })?;
    catalog.add_directories(&directories)?;
    Ok(damaged)
}

/// Lists the directories, and gives those to `take` that are not among `known` (sorted); leaves out what does
/// not open.
pub(super) fn read_later(
    repository: &Repository,
    known: &[PackName],
    mut take: impl FnMut(PackDirectory),
) -> RepoResult<()> {
    let listed = repository.environment().runtime.block_on(repository.store().list(PACKS_PREFIX))?;
    let is_new = |object: &&ObjectInfo| {
        parse_directory_key(&object.key).is_ok_and(|name| known.binary_search(&name).is_err())
    };
    let new = listed.iter().filter(is_new).collect();
    let damaged = compaction::fetch(repository, new, DIRECTORY_OBJECT_BYTES_MAX, |object, bytes| {
        let opened = parse_directory_key(&object.key)
            .and_then(|name| PackDirectory::open(repository.keys(), name, bytes));
        Ok(opened.map(&mut take))
    })?;
    for (key, error) in damaged {
        tracing::warn!(key, %error, "a pack directory cannot be read");
    }
    Ok(())
}
