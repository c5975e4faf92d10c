//! Location of a repository, and how to unlock it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use icecore_format::ids::RepositoryId;
use icecore_policy::S3Settings;
use icecore_store::RepositoryLocation;

use crate::{
    credentials::GivenCredentials,
    directories::Directories,
    error::{AccessError, AccessResult},
    events::{AccessEvents, Prompt},
    machine::Machine,
    requests::Requests,
};

/// Everything that is needed to reach a repository.
#[derive(Clone, Debug)]
pub struct RepositoryAccess {
    /// The machine that works on it.
    pub machine: Machine,
    /// Its location, if given.
    pub location: Option<RepositoryLocation>,
    /// The given credentials.
    pub credentials: GivenCredentials,
    /// Settings of repositories on S3.
    pub s3: S3Settings,
    /// How long to wait for the network at the beginning, if at all.
    pub network_time_max: Option<Duration>,
    /// Settings of the catalogue.
    pub cache: CacheSettings,
    /// The user's directories.
    pub directories: Directories,
    /// Relevant parts of the process environment.
    pub surroundings: Surroundings,
    /// Counts of the requests to S3 so far.
    pub requests: Arc<Requests>,
    /// Asks the user for a password.
    pub prompt: Arc<dyn Prompt>,
    /// Receiver of notices.
    pub events: Arc<dyn AccessEvents>,
}

/// Settings of the catalogue and of the caches beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheSettings {
    /// Directory of all catalogues; without it, they exist as long as the process.
    pub directory: Option<PathBuf>,
    /// Bytes of all catalogues together, if not the default.
    pub bytes_max: Option<u64>,
    /// Bytes of memory for the chunk index, if not the default.
    pub index_memory_bytes: Option<u64>,
}

/// Relevant parts of the process environment, read by the surface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// File with the only trusted certificates.
    pub aws_ca_bundle: Option<PathBuf>,
    /// Files in which AWS profiles are looked for.
    pub aws_files: Vec<PathBuf>,
    /// The user before a program such as `sudo` changed it: names and numbers.
    pub former_users: Vec<OsString>,
}

impl RepositoryAccess {
    /// Returns the access to another repository with its own location, credentials and S3 settings.
    /// Everything else is shared, but requests are counted separately.
    #[must_use]
    pub fn of_other(
        &self,
        location: RepositoryLocation,
        credentials: GivenCredentials,
        s3: S3Settings,
    ) -> Self {
        Self { location: Some(location), credentials, s3, requests: Arc::default(), ..self.clone() }
    }

    /// Returns the location of the repository.
    pub fn location(&self) -> AccessResult<&RepositoryLocation> {
        self.location.as_ref().ok_or(AccessError::NoLocation)
    }

    /// Returns the directory of all catalogues.
    pub fn cache_directory(&self) -> Option<&Path> {
        self.cache.directory.as_deref()
    }

    /// Returns the directory of the catalogue of a repository.
    pub fn catalog_directory(&self, repository: RepositoryId) -> Option<PathBuf> {
        self.cache.directory.as_ref().map(|directory| directory.join(repository.to_string()))
    }

    /// Returns whether this host has a catalogue of a repository, according to the cache directory.
    pub fn has_catalog(&self, repository: RepositoryId) -> bool {
        self.catalog_directory(repository).is_some_and(|directory| directory.exists())
    }
}
