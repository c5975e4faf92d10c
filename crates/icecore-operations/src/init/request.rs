//! Request: which repository to create.

use icecore_access::creation::KeyChoice;
use icecore_format::ids::RepositoryId;

/// Label of the first key if none is given.
pub const FIRST_KEY_LABEL: &str = "first key";

/// A new repository.
#[derive(Clone, Debug)]
pub struct InitRequest {
    /// Label of its first key.
    pub label: String,
    /// Where its first key comes from.
    pub key: KeyChoice,
    /// Repository that the new one replaces, if it disappeared from the location.
    pub in_place_of: Option<RepositoryId>,
    /// On S3: only one writer at a time, and conditional requests are not relied upon.
    pub single_writer: bool,
}

impl InitRequest {
    /// Makes the request for a repository that another operation creates.
    pub fn new(key: KeyChoice) -> Self {
        Self { label: FIRST_KEY_LABEL.to_owned(), key, in_place_of: None, single_writer: false }
    }
}
