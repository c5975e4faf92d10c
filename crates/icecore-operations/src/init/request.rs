//! Which repository is to be created.

use icecore_access::creation::KeyChoice;
use icecore_format::ids::RepositoryId;

/// Label of the first key where none is given.
pub const FIRST_KEY_LABEL: &str = "first key";

/// A new repository.
#[derive(Clone, Debug)]
pub struct InitRequest {
    /// Label of its first key.
    pub label: String,
    /// Where its first key comes from.
    pub key: KeyChoice,
    /// Repository that may have disappeared from the location.
    pub in_place_of: Option<RepositoryId>,
    /// On S3: only one writer at a time, and conditional requests are not relied upon.
    pub single_writer: bool,
}

impl InitRequest {
    /// Makes the request for a repository that is created on the way to something else.
    pub fn new(key: KeyChoice) -> Self {
        Self { label: FIRST_KEY_LABEL.to_owned(), key, in_place_of: None, single_writer: false }
    }
}
