//! A finding: something that was examined, and the result.

use icecore_access::AccessError;
use serde::Serialize;

use super::facts::Fact;

/// What was examined.
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
    /// Damage that these credentials could do.
    Protection,
    /// Free space.
    Room,
    /// The clocks of this machine and the server.
    Clock,
    /// The lifecycle rules of the bucket.
    Lifecycle,
    /// Whether the bucket keeps deleted objects.
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
    /// Returns its stable name.
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

/// Result of an examination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All is well.
    Good,
    /// Unknown, because it could not be examined.
    Unknown,
    /// Something should be done about it.
    Warning,
    /// Backups or restores will fail.
    Bad,
}

/// A finding.
#[derive(Debug)]
pub struct Finding {
    /// What was examined.
    pub check: Check,
    /// Result.
    pub state: State,
    /// The fact behind it.
    pub fact: Fact,
}

impl Finding {
    /// Makes a finding.
    pub(super) fn new(check: Check, state: State, fact: impl Into<Fact>) -> Self {
        Self { check, state, fact: fact.into() }
    }

    /// Makes the finding of a failed examination.
    pub(super) fn failed(check: Check, error: impl Into<AccessError>) -> Self {
        Self { check, state: State::Bad, fact: Fact::Failed(error.into()) }
    }
}
