//! Tests the directory for catalogues.

use std::{io, path::Path};

use icecore_access::{AccessError, RepositoryAccess};

use super::{
    facts::CacheFact,
    finding::{Check, Finding, State},
};

/// Finds out whether the cache directory can be used.
pub(super) fn examine(access: &RepositoryAccess) -> Finding {
    let Some(path) = access.cache_directory() else {
        return Finding::new(Check::Cache, State::Warning, CacheFact::NoDirectory);
    };
    match try_directory(path) {
        Ok(()) => Finding::new(Check::Cache, State::Good, CacheFact::Usable(path.to_owned())),
        Err(error) => Finding::new(Check::Cache, State::Bad, CacheFact::Unusable(error)),
    }
}

fn try_directory(path: &Path) -> Result<(), AccessError> {
    let failed = |operation: &'static str, source: io::Error| AccessError::File {
        operation,
        path: path.to_owned(),
        source,
    };
    std::fs::create_dir_all(path).map_err(|error| failed("create", error))?;
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK).map_err(|errno| failed("write to", errno.into()))
}
