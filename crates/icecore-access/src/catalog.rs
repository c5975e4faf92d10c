//! The catalogue of a repository on this host.

use std::path::Path;

use icecore_catalog::{Catalog, CatalogOpening, RemovedCatalogues, remove_unused};
use icecore_format::ids::RepositoryId;

use crate::{
    access::{CacheSettings, RepositoryAccess},
    error::AccessResult,
    events::AccessNotice,
};

/// Bytes of all catalogues together, if the settings do not set it.
const CACHE_BYTES_MAX_DEFAULT: u64 = 16 << 30;

impl CacheSettings {
    /// Returns the bytes that all catalogues together may have.
    pub(crate) fn bytes_max(&self) -> u64 {
        self.bytes_max.unwrap_or(CACHE_BYTES_MAX_DEFAULT)
    }
}

impl RepositoryAccess {
    /// Opens the catalogue; without a usable cache directory, it exists as long as the process.
    pub fn open_catalog(&self, repository: RepositoryId) -> AccessResult<Catalog> {
        let Some(directory) = &self.cache.directory else {
            self.events.notice(AccessNotice::NoCacheDirectory);
            return Ok(Catalog::in_memory(repository)?);
        };
        match Catalog::open_local(directory, repository, self.machine.shared_file_system) {
            Ok((catalog, opening)) => {
                if let CatalogOpening::Rebuilt { reason } = &opening {
                    self.events.notice(AccessNotice::CatalogRebuilt { reason });
                }
                self.bound_cache(directory, repository);
                Ok(catalog)
            }
            Err(error) => {
                self.events.notice(AccessNotice::CatalogUnusable { error: &error });
                Ok(Catalog::in_memory(repository)?)
            }
        }
    }

    /// Removes catalogues of other repositories if all together are too large.
    fn bound_cache(&self, directory: &Path, used: RepositoryId) {
        let bytes_max = self.cache.bytes_max();
        match remove_unused(directory, used, bytes_max, self.machine.environment.clock.now()) {
            Ok(RemovedCatalogues { catalogues: 0, .. }) => {}
            Ok(RemovedCatalogues { catalogues, bytes }) => {
                self.events.notice(AccessNotice::CacheTrimmed { bytes_max, catalogues, bytes });
            }
            Err(error) => tracing::info!(%error, "failed to limit the size of the cache"),
        }
    }
}
