//! Directories of small packs of manifests, read from the packs themselves: a writer reads the blocks of a
//! manifest next, and finds them in the local cache.

use std::collections::HashMap;

use icecore_format::{
    directory::PackDirectory,
    ids::PackName,
    layout::{PackPlace, parse_directory_key},
};
use icecore_store::ObjectInfo;

use crate::{error::RepoResult, repository::Repository, whole_pack::read_whole};

/// Maximum length of a pack that is fetched instead of its directory, in bytes.
const PACK_BYTES_READ_MAX: u64 = 1 << 20;
/// Maximum number of bytes of all packs that are fetched instead of their directories.
const TOTAL_BYTES_MAX: u64 = 8 << 20;
/// If more directories than this are missing, index objects have copies of them.
const MISSING_MAX: usize = 32;
/// Packs fetched at a time.
const FETCH_CONCURRENCY: usize = 8;

/// Fetches small packs of manifests whose directories are `missing` (sorted by name), verifies their content,
/// keeps their blocks in the local cache and adds their directories to `directories`. Returns the directories
/// that are still missing. A pack that cannot be used is not an error here: its directory is fetched like any
/// other.
pub(super) fn read<'a>(
    repository: &Repository,
    missing: Vec<&'a ObjectInfo>,
    manifests: &[&ObjectInfo],
    directories: &mut Vec<PackDirectory>,
) -> RepoResult<Vec<&'a ObjectInfo>> {
    if repository.block_cache().is_none() || missing.len() > MISSING_MAX {
        return Ok(missing);
    }
    let wanted = choose(&missing, manifests);
    repository.environment().proceed()?;
    let keys: Vec<String> = wanted.iter().map(|name| PackPlace::Manifest.key(*name)).collect();
    let fetched = repository.get_many(&keys, PACK_BYTES_READ_MAX, FETCH_CONCURRENCY);
    let mut read = Vec::new();
    for (name, fetched) in wanted.into_iter().zip(fetched) {
        match fetched.map_err(Into::into).and_then(|pack| open(repository, name, &pack)) {
            Ok(directory) => {
                read.push(name);
                directories.push(directory);
            }
            Err(error) => tracing::debug!(pack = %name, %error, "a pack could not be read completely"),
        }
    }
    let is_missing =
        |object: &&ObjectInfo| !matches!(parse_directory_key(&object.key), Ok(name) if read.contains(&name));
    Ok(missing.into_iter().filter(is_missing).collect())
}

/// Returns the packs worth fetching, newest first: their blocks are most likely needed.
fn choose(missing: &[&ObjectInfo], manifests: &[&ObjectInfo]) -> Vec<PackName> {
    let sizes: HashMap<PackName, u64> = manifests
        .iter()
        .filter_map(|object| Some((PackPlace::parse(&object.key).ok()?.1, object.size)))
        .collect();
    let mut total = 0;
    let mut wanted = Vec::new();
    for name in missing.iter().rev().filter_map(|object| parse_directory_key(&object.key).ok()) {
        let Some(size) = sizes.get(&name).filter(|size| **size <= PACK_BYTES_READ_MAX) else { continue };
        total += size;
        if total > TOTAL_BYTES_MAX {
            break;
        }
        wanted.push(name);
    }
    wanted
}

/// Verifies a pack and keeps its blocks.
fn open(repository: &Repository, name: PackName, pack: &[u8]) -> RepoResult<PackDirectory> {
    let keys = repository.keys();
    let workers = &repository.environment().workers;
    let directory = workers.install(|| read_whole(keys, name, PackPlace::Manifest, pack))?;
    for (ordinal, block) in (0..).zip(&directory.blocks) {
        let (start, length) = (block.offset as usize, block.stored_bytes as usize);
        if let (Some(cache), Some(stored)) = (repository.block_cache(), pack.get(start..start + length)) {
            cache.put(name, ordinal, stored);
        }
    }
    Ok(directory)
}
