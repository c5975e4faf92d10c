//! Something that was looked at, and how it was found.

use icecore_access::AccessError;
use serde::Serialize;

use super::facts::Fact;

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Whether there is a repository.
    Repository,
    /// The region of the bucket.
    Region,
    /// Whether objects can be listed.
    Listing,
    /// Whether backups can be written.
    Writing,
    /// Whether the server answers reads correctly.
    Reading,
    /// What these credentials could destroy.
    Protection,
    /// How much room is left.
    Room,
    /// The clocks of this machine and the server.
    Clock,
    /// The lifecycle rules of the bucket.
    Lifecycle,
    /// Whether the bucket keeps what is deleted.
    Versioning,
    /// Whether metadata is archived.
    Archive,
    /// The ways to unlock the repository.
    Keys,
    /// The times of the snapshots.
    Snapshots,
    /// The directory of the catalogues.
    Cache,
}

impl Check {
    /// Returns its name, which stays the same.
    pub fn name(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::Region => "region",
            Self::Listing => "listing",
            Self::Writing => "writing",
            Self::Reading => "reading",
            Self::Protection => "protection",
            Self::Room => "room",
            Self::Clock => "clock",
            Self::Lifecycle => "lifecycle",
            Self::Versioning => "versioning",
            Self::Archive => "archive",
            Self::Keys => "keys",
            Self::Snapshots => "snapshots",
            Self::Cache => "cache",
        }
    }
}

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Good,
    /// It could not be found out.
    Unknown,
    /// Something should be done about it.
    Warning,
    /// Backups or restores fail.
    Bad,
}

/// What was found.
#[derive(Debug)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// How it was found.
    pub state: State,
    /// What that means.
    pub fact: Fact,
}

impl Finding {
    /// Puts a finding together.
    pub(super) fn new(check: Check, state: State, fact: impl Into<Fact>) -> Self {
        Self { check, state, fact: fact.into() }
    }

    /// Makes the finding of a look that failed.
    pub(super) fn failed(check: Check, error: impl Into<AccessError>) -> Self {
        Self { check, state: State::Bad, fact: Fact::Failed(error.into()) }
    }
}
