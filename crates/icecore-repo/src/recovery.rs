//! What happens when the catalogue fails.

use icecore_catalog::Catalog;

use crate::error::{RepoError, RepoResult};

/// Does something with the catalogue. If the catalogue is damaged or cannot be written, resets it and tries
/// again: the catalogue is a cache, and nothing may fail because of it.
pub(crate) fn recovering<T>(
    catalog: &mut Catalog,
    mut action: impl FnMut(&mut Catalog) -> RepoResult<T>,
) -> RepoResult<T> {
    match action(catalog) {
        Err(RepoError::Catalog(error)) => {
            tracing::warn!(%error, "the catalogue failed; it is read from the repository again");
            if !error.is_corruption() || catalog.start_over().is_err() {
                *catalog = Catalog::in_memory(catalog.repository())?;
            }
            action(catalog)
        }
        other => other,
    }
}
