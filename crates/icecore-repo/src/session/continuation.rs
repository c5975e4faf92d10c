//! What a session needs besides its announcement: read from the store, or taken over from the previous
//! session.

use std::{
    sync::{Arc, RwLock},
    time::Duration,
};

use icecore_catalog::Catalog;
use icecore_format::{
    directory::PackDirectory,
    layout::{GC_PREFIX, INDEX_PREFIX, MANIFEST_PREFIX, PACKS_PREFIX, snapshot_key},
    snapshot::{DedupScope, SnapshotOrigin, SnapshotState},
};

use super::{ClockDifference, WriteOptions, adoption, collections_seen::CollectionsSeen, packer::Packer};
use crate::{
    compaction,
    environment::time_of,
    error::RepoResult,
    index::{LoadedIndex, Scope, load_index_again, load_index_for_writing},
    lease::Lease,
    listing::MetaListing,
    reader::SharedIndex,
    repository::Repository,
    stored_packs::StoredPacks,
};

/// How long the knowledge of the store is passed on from session to session; then the packs are listed again,
/// as at the start of a command.
const CONTINUES_MAX: Duration = Duration::from_mins(30);

/// What a session knew of the store when it ended; empty for the first session.
#[derive(Debug, Default)]
pub struct Continuation {
    known: Option<Known>,
}

impl Continuation {
    pub(super) fn new(mut known: Known) -> Self {
        known.unindexed += std::mem::take(&mut known.uploaded);
        Self { known: known.stored.is_some().then_some(known) }
    }
}

/// What a session knows of the store.
#[derive(Debug)]
pub(super) struct Known {
    /// Records of collections, read before the packs were listed.
    pub collections: CollectionsSeen,
    /// Pack directories that are in no index object, without those of the session itself.
    pub unindexed: usize,
    /// Pack directories that the session has written.
    uploaded: usize,
    /// Existing packs; none if no other session follows.
    stored: Option<StoredPacks>,
    /// When the packs were listed.
    listed: Duration,
}

impl Known {
    /// Adds packs that have been uploaded.
    pub fn add(&mut self, uploaded: &[PackDirectory]) {
        self.uploaded += uploaded.len();
        if let Some(stored) = &mut self.stored {
            for directory in uploaded {
                stored.add_directory(directory);
            }
        }
    }
}

/// What a session needs besides its announcement, read only after it.
pub(super) struct Prepared {
    pub clock_difference: Option<ClockDifference>,
    pub known: Known,
    pub index: SharedIndex,
    pub packer: Packer,
}

impl Prepared {
    pub fn prepare(
        repository: &Repository,
        catalog: &mut Catalog,
        continuation: Continuation,
        lease: &Lease,
        options: WriteOptions,
    ) -> RepoResult<Self> {
        let SnapshotOrigin { run, group, dedup, .. } = lease.snapshot().origin;
        let scope = (dedup == DedupScope::Group).then_some(group);
        let now = repository.environment().monotonic();
        let fresh = continuation.known.filter(|known| now.saturating_sub(known.listed) < CONTINUES_MAX);
        let (clock_difference, mut known, loaded) = match still_valid(repository, fresh)? {
            Some(known) => {
                let (stored, condemned) = (known.stored.as_ref(), Some(&known.collections.condemned));
                let scope = Scope { group: scope, stored, condemned };
                let loaded = load_index_again(repository, catalog, scope)?;
                (None, known, loaded)
            }
            None => read(repository, catalog, lease, now)?,
        };
        if !options.continues {
            known.stored = None;
        }
        for (key, error) in loaded.damaged {
            // Its chunks count as absent and are uploaded again; `check` reports the damage.
            tracing::warn!(key, %error, "a pack directory cannot be read; its data is uploaded again if it is needed");
        }
        let index = Arc::new(RwLock::new(loaded.index));
        let packer = Packer::start(repository, run, group, options)?;
        Ok(Self { clock_difference, known, index, packer })
    }
}

/// Returns what an earlier session knew, if no collection has begun, changed or ended since then. This looks
/// after the announcement of the new run, for which later collections wait.
fn still_valid(repository: &Repository, known: Option<Known>) -> RepoResult<Option<Known>> {
    let Some(known) = known else { return Ok(None) };
    let listed = repository.environment().runtime.block_on(repository.store().list(GC_PREFIX))?;
    Ok(known.collections.are(&listed).then_some(known))
}

/// Lists the objects in the store, and loads the index from them.
fn read(
    repository: &Repository,
    catalog: &mut Catalog,
    lease: &Lease,
    listed: Duration,
) -> RepoResult<(Option<ClockDifference>, Known, LoadedIndex)> {
    let SnapshotOrigin { group, dedup, ref host, .. } = lease.snapshot().origin;
    // A pack that is condemned later is not removed before this run, which has announced itself, has ended.
    let listing = MetaListing::read(repository, catalog, &[GC_PREFIX, PACKS_PREFIX, INDEX_PREFIX])?;
    let records: Vec<_> = listing.below(GC_PREFIX).cloned().collect();
    let collections = CollectionsSeen::read(repository, records)?;
    let condemned = &collections.condemned;
    let unindexed = compaction::unindexed(listing.below(PACKS_PREFIX), listing.below(INDEX_PREFIX));
    let directories: Vec<_> = listing.below(PACKS_PREFIX).collect();
    let manifests = listing.below_any(MANIFEST_PREFIX);
    let manifests = manifests.as_deref();
    let group = (dedup == DedupScope::Group).then_some(group);
    let scope = Scope { group, stored: None, condemned: Some(condemned) };
    let (loaded, stored) =
        load_index_for_writing(repository, catalog, &directories, manifests, scope, |stored, listed| {
            adoption::adopt(repository, stored, listed, condemned, host)
        })?;
    let known = Known { collections, unindexed, uploaded: 0, stored: Some(stored), listed };
    Ok((clock_difference(&listing, lease), known, loaded))
}

/// Compares the time that the run has written into its snapshot with the one that the store gave the object.
/// A listing shows it if one request is enough for everything below `meta/`.
/// An object that was refreshed since then has a later time.
fn clock_difference(listing: &MetaListing, lease: &Lease) -> Option<ClockDifference> {
    let SnapshotState::Pending { refreshed } = lease.snapshot().state else { return None };
    let own = listing.find(&snapshot_key(lease.snapshot().origin.run))?;
    if own.version != *lease.announced() {
        return None;
    }
    Some(ClockDifference { here: refreshed, store: time_of(own.modified) })
}
