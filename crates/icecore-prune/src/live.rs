//! Which copies of chunks complete snapshots refer to: more than marking says, and slower, because every
//! node is read.

use std::{
    collections::HashSet,
    panic::resume_unwind,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use icecore_catalog::Catalog;
use icecore_format::{
    chunk_list::ChunkListNode,
    entry::{ChunkListRef, Content},
    ids::ChunkId,
    node::{Node, NodeItems},
    snapshot::Snapshot,
};
use icecore_repo::{
    error::RepoError, index::load_index, manifest::ManifestRoot, reader::ChunkReader, repository::Repository,
};

use crate::{chunk_packs::ChunkPacks, error::PruneResult, packs::PackTable};

/// Memory for blocks of manifest packs while nodes are read, in bytes.
const CACHE_BYTES: usize = 64 << 20;

/// All copies of chunks in a table of packs, and which of them are of chunks that snapshots refer to.
#[derive(Debug)]
pub(crate) struct LiveChunks {
    pub copies: ChunkPacks,
    /// A bit for each copy.
    live: Vec<AtomicU64>,
}

impl LiveChunks {
    /// Reads all manifests of complete snapshots. All copies of a chunk count.
    ///
    /// Fails with a missing chunk if a snapshot needs one that is in none of the packs.
    pub fn find(
        repository: &Repository,
        catalog: &mut Catalog,
        packs: &PackTable,
        snapshots: &[&Snapshot],
    ) -> PruneResult<Self> {
        let copies = ChunkPacks::read(catalog, packs)?;
        let live = (0..copies.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        let found = Self { copies, live };
        let index = load_index(repository, catalog, None)?.index;
        let reader = ChunkReader::new(repository.clone(), Arc::new(RwLock::new(index)), CACHE_BYTES);
        let roots: Vec<ManifestRoot> = snapshots.iter().filter_map(|one| ManifestRoot::of(one)).collect();
        let walk = LiveWalk { reader: &reader, found: &found, seen: Mutex::default() };
        // Not on the workers: reading waits for the store.
        let threads = repository.environment().workers.current_num_threads().min(roots.len()).max(1);
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(root) = roots.get(next.fetch_add(1, Ordering::Relaxed)) {
                walk.node(root.node)?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let joined =
                handles.into_iter().map(|handle| handle.join().unwrap_or_else(|panic| resume_unwind(panic)));
            joined.collect::<PruneResult<Vec<()>>>()
        })?;
        Ok(found)
    }

    /// Returns whether a snapshot refers to a chunk.
    pub fn is_live(&self, id: &ChunkId) -> bool {
        self.copies.positions(id).next().is_some_and(|position| self.bit(position))
    }

    fn bit(&self, position: usize) -> bool {
        self.live[position / 64].load(Ordering::Relaxed) & 1 << (position % 64) != 0
    }

    fn note(&self, id: &ChunkId) -> PruneResult<()> {
        let mut is_there = false;
        for position in self.copies.positions(id) {
            is_there = true;
            self.live[position / 64].fetch_or(1 << (position % 64), Ordering::Relaxed);
        }
        if is_there { Ok(()) } else { Err(RepoError::MissingChunk { id: *id }.into()) }
    }
}

/// A walk through all manifests; each node is read once.
struct LiveWalk<'a> {
    reader: &'a ChunkReader,
    found: &'a LiveChunks,
    seen: Mutex<HashSet<ChunkId>>,
}

impl LiveWalk<'_> {
    /// Notes a node; returns whether it is new.
    fn enter(&self, id: &ChunkId) -> PruneResult<bool> {
        let is_new = self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(*id);
        if is_new {
            self.reader.repository().environment().proceed()?;
            self.found.note(id)?;
        }
        Ok(is_new)
    }

    fn node(&self, id: ChunkId) -> PruneResult<()> {
        if !self.enter(&id)? {
            return Ok(());
        }
        let raw = self.reader.read_node(id)?;
        let object = || format!("manifest node {id}");
        match Node::decode(&raw).map_err(|source| RepoError::Object { key: object(), source })?.items {
            NodeItems::Inner(children) => children.iter().try_for_each(|child| self.node(child.id)),
            NodeItems::Leaf(entries) => entries.iter().try_for_each(|entry| match &entry.content {
                Content::Inline(chunks) => chunks.iter().try_for_each(|chunk| self.found.note(&chunk.id)),
                Content::List(list) => self.list(list),
            }),
        }
    }

    fn list(&self, list: &ChunkListRef) -> PruneResult<()> {
        if !self.enter(&list.id)? {
            return Ok(());
        }
        let raw = self.reader.read_node(list.id)?;
        let object = || format!("chunk-list node {}", list.id);
        let node = ChunkListNode::decode(&raw, list)
            .map_err(|source| RepoError::Object { key: object(), source })?;
        match node {
            ChunkListNode::Inner(nodes) => nodes.iter().try_for_each(|node| self.list(node)),
            ChunkListNode::Leaf(chunks) => {
                let mut stored = chunks.iter().filter(|chunk| !chunk.is_hole());
                stored.try_for_each(|chunk| self.found.note(&chunk.id))
            }
        }
    }
}
