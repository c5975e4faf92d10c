//! An unlocked repository with its catalogue.

use std::sync::{Arc, RwLock};

use icecore_aws::S3Store;
use icecore_catalog::{BlockCache, Catalog};
use icecore_format::{
    ids::GroupId,
    snapshot::{DedupScope, Snapshot},
};
use icecore_repo::{
    index::{CHUNK_MEMORY_BYTES, load_index},
    reader::{ChunkReader, FetchSizes},
    repository::Repository,
    snapshots::{self, SnapshotList},
};

use crate::{
    access::RepositoryAccess,
    error::AccessResult,
    events::{AccessEvents, AccessNotice},
    s3,
    store::{AccessMode, OpenStore, Usage},
    unlock,
};

/// Maximum number of bytes of the cached blocks of a repository's manifests.
const BLOCK_CACHE_BYTES_MAX: u64 = 256 << 20;
/// Maximum part of the cache for these blocks, as a divisor.
const BLOCK_CACHE_SHARE: u64 = 4;

/// An unlocked repository with its catalogue.
#[derive(Debug)]
pub struct OpenRepository {
    /// The repository.
    pub repository: Repository,
    /// The catalogue.
    pub catalog: Catalog,
    /// Usage of the store.
    pub usage: Usage,
    /// The S3 store behind it, if there is one.
    pub s3: Option<Arc<S3Store>>,
}

impl RepositoryAccess {
    /// Opens the repository with its catalogue.
    pub fn open(&self, mode: AccessMode) -> AccessResult<OpenRepository> {
        let store = self.open_store(mode)?;
        let repository = unlock::unlock(self, &store)?;
        self.with_catalog(repository, &store)
    }

    /// Adds the catalogue to an unlocked repository.
    pub fn with_catalog(&self, repository: Repository, store: &OpenStore) -> AccessResult<OpenRepository> {
        let writes = store.mode() == AccessMode::Write;
        if writes && store.s3.as_ref().is_some_and(|s3| s3.is_single_writer()) {
            self.events.notice(AccessNotice::SingleWriter);
        }
        let catalog = self.open_catalog(repository.id())?;
        if let Some(s3) = store.s3.as_ref().filter(|_| writes) {
            s3::recall_speed(self, s3, &catalog);
        }
        let repository = match self.cache.index_memory_bytes {
            Some(bytes) => repository.with_index_chunks_max((bytes / CHUNK_MEMORY_BYTES) as usize),
            None => repository,
        };
        let repository =
            if store.s3.is_some() { self.for_requests(repository, &catalog) } else { repository };
        Ok(OpenRepository { repository, catalog, usage: store.usage(), s3: store.s3.clone() })
    }

    /// Makes readers of a repository behind a network use few requests: large ones, and none for data that is
    /// already here.
    fn for_requests(&self, repository: Repository, catalog: &Catalog) -> Repository {
        let cache_bytes = self.cache.bytes_max();
        let cache = BlockCache::beside(catalog, BLOCK_CACHE_BYTES_MAX.min(cache_bytes / BLOCK_CACHE_SHARE));
        let sizes = if self.machine.allowance.is_scarce { FetchSizes::NEAR } else { FetchSizes::FAR };
        repository.with_fetch_sizes(sizes).with_block_cache(cache)
    }
}

impl OpenRepository {
    /// Reads all snapshots, and reports those that cannot be read.
    pub fn snapshots(&mut self, events: &dyn AccessEvents) -> AccessResult<SnapshotList> {
        let list = snapshots::list(&self.repository, &mut self.catalog)?;
        for (_, error) in &list.damaged {
            events.notice(AccessNotice::DamagedSnapshot { error });
        }
        Ok(list)
    }

    /// Makes a reader of the chunks of some snapshots that keeps up to `cache_bytes` of opened blocks.
    ///
    /// Snapshots that refer only to their own group are read from its packs alone, even if others are damaged
    /// or missing.
    pub fn reader(
        &mut self,
        events: &dyn AccessEvents,
        snapshots: &[&Snapshot],
        cache_bytes: usize,
    ) -> AccessResult<ChunkReader> {
        let group = common_group(snapshots);
        let loaded = load_index(&self.repository, &mut self.catalog, group)?;
        for (_, error) in &loaded.damaged {
            events.notice(AccessNotice::DamagedPackDirectory { error });
        }
        let index = Arc::new(RwLock::new(loaded.index));
        Ok(ChunkReader::new(self.repository.clone(), index, cache_bytes).that_looks_again(group))
    }
}

/// Returns the group that holds everything that the snapshots refer to, if there is one.
fn common_group(snapshots: &[&Snapshot]) -> Option<GroupId> {
    let group = snapshots.first()?.origin.group;
    let keeps =
        |snapshot: &&Snapshot| snapshot.origin.dedup == DedupScope::Group && snapshot.origin.group == group;
    snapshots.iter().all(keeps).then_some(group)
}
