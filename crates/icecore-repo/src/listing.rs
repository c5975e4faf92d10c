//! Listings of several parts of `meta/` at once.

use icecore_catalog::Catalog;
use icecore_format::layout::META_PREFIX;
use icecore_store::ObjectInfo;

use crate::{
    error::{RepoError, RepoResult},
    repository::Repository,
};

/// With at most this many snapshots and packs in the catalogue, all objects below `meta/` fit into one page
/// of a listing: each of them has at most three objects there, and a page has 1,000.
const ONE_PAGE_MAX: usize = 250;
/// Keys in a page of S3.
const PAGE_KEYS: usize = 1_000;

/// Returns whether all objects below `meta/` fit into one page of a listing, according to the catalogue. An
/// empty catalogue proves nothing: the repository may be large but new to this host.
pub fn is_one_page(catalog: &Catalog) -> bool {
    (1..=ONE_PAGE_MAX).contains(&known(catalog))
}

/// Returns the number of snapshots and packs in the catalogue.
fn known(catalog: &Catalog) -> usize {
    // If the catalogue fails, its user reads the repository again.
    let snapshots = catalog.snapshot_count().unwrap_or(usize::MAX);
    let packs = catalog.pack_count().unwrap_or(usize::MAX);
    snapshots.saturating_add(packs)
}

/// Objects below some prefixes.
#[derive(Debug)]
pub(crate) struct MetaListing {
    objects: Vec<ObjectInfo>,
    /// These are all objects below `meta/`.
    is_whole: bool,
}

impl MetaListing {
    /// Lists the objects below `prefixes`, which begin with `meta/`, one prefix after the other. If the
    /// catalogue says that there are few objects, one request lists all of them, in the order of keys: a
    /// prefix that must not be older than another one has a greater name.
    pub fn read(repository: &Repository, catalog: &Catalog, prefixes: &[&str]) -> RepoResult<Self> {
        let environment = repository.environment();
        let list = |prefix| {
            environment.proceed()?;
            Ok::<_, RepoError>(environment.runtime.block_on(repository.store().list(prefix))?)
        };
        // A caller that has just seen that there is no snapshot knows more than the catalogue.
        if is_one_page(catalog) || known(catalog) == 0 && repository.was_without_snapshots() {
            let objects = list(META_PREFIX)?;
            // With several pages, any object may have been listed before another one, but the caller needs
            // one prefix after the other.
            if objects.len() < PAGE_KEYS {
                return Ok(Self { objects, is_whole: true });
            }
        }
        let mut objects = Vec::new();
        for prefix in prefixes {
            objects.extend(list(prefix)?);
        }
        Ok(Self { objects, is_whole: false })
    }

    /// Takes the listing that was made while unlocking the repository, if it has all of `meta/` in one page.
    pub fn as_unlocked(repository: &Repository) -> Option<Self> {
        let objects = repository.take_listed()?;
        (objects.len() < PAGE_KEYS).then_some(Self { objects, is_whole: true })
    }

    /// Returns an object, if it was listed.
    pub fn find(&self, key: &str) -> Option<&ObjectInfo> {
        self.objects.iter().find(|object| object.key == key)
    }

    /// Returns the objects below any prefix that begins with `meta/`, if they were all listed at once.
    pub fn below_any(&self, prefix: &str) -> Option<Vec<&ObjectInfo>> {
        self.is_whole.then(|| self.below(prefix).collect())
    }

    /// Returns the objects below one of the prefixes.
    pub fn below(&self, prefix: &str) -> impl Iterator<Item = &ObjectInfo> {
        self.objects.iter().filter(move |object| object.key.starts_with(prefix))
    }
}
