//! Advice about repositories that cannot be used.

use icecore_format::{error::FormatError, layout::HEADER_KEY};
use icecore_repo::error::RepoError;

use super::{Advice, DAMAGE, INTERRUPTED, NEWER, no_repository, store, wrong_key};

/// What to do about a header that is missing or damaged.
pub(super) const HEADER: &str = "if objects are still being replicated, wait; otherwise copy the object `icecore` back \
     from a copy of the repository (the stored data is not lost)";
/// What to do about a record of a collection that is damaged.
const COLLECTION: &str = "copy the object back from a copy of the repository, or from its earlier version if the bucket keeps \
     versions; otherwise make sure that `icecore prune` runs on no host, move the object away, and run `icecore \
     prune`";
/// What to do about a catalogue that cannot be kept.
pub(in crate::failure) const CATALOG: &str = "choose another directory with --cache-dir";
const NO_SLOT: &str = "if objects are still being replicated, wait; otherwise copy meta/keys/ back from a copy of the \
     repository; without a key slot, nobody can read the backups";

/// Returns what to do about an error of a repository.
pub(in crate::failure) fn of(error: &RepoError) -> Option<Advice> {
    let advice = match error {
        RepoError::Store(error) => return store::of(error),
        RepoError::Object { key, source } if key == HEADER_KEY && source.is_corruption() => HEADER,
        RepoError::Object { source, .. } | RepoError::Format(source) => return of_format(source),
        RepoError::Collection { source, .. } => return of_collection(source),
        RepoError::NoRepository { .. } => return Some(no_repository()),
        RepoError::RepositoryExists { .. } => "use it as it is, or choose another location for a new one",
        RepoError::WrongKey { .. } => return Some(wrong_key()),
        RepoError::NoKeySlot { .. } => NO_SLOT,
        RepoError::SlotNotFound { .. } => "`icecore key list` shows the ids",
        RepoError::SlotLeft { .. } => "remove it, with the new key: `icecore key remove ID`",
        RepoError::LastSlot => "add another one first: `icecore key add`",
        RepoError::SelfVerification { .. } => "test the memory of this machine before you continue",
        RepoError::Fenced => "run the same command again",
        RepoError::NewerMaintenance => NEWER,
        RepoError::Interrupted => INTERRUPTED,
        error if error.is_corruption() => DAMAGE,
        _ => return None,
    };
    Some(advice.into())
}

/// Returns what to do about a record of a collection that does not open.
pub(super) fn of_collection(error: &FormatError) -> Option<Advice> {
    match error {
        FormatError::UnknownState { .. } => Some(NEWER.into()),
        error if error.is_corruption() => Some(COLLECTION.into()),
        error => of_format(error),
    }
}

fn of_format(error: &FormatError) -> Option<Advice> {
    match error {
        FormatError::UnsupportedVersion { .. } | FormatError::UnsupportedFeature { .. } => Some(NEWER.into()),
        FormatError::WrongKey => Some(wrong_key()),
        FormatError::KeyDerivation { .. } => Some("free some memory, or unlock with a key file".into()),
        error if error.is_corruption() => Some(DAMAGE.into()),
        _ => None,
    }
}
