//! Notices about a key that was removed or changed.

use std::path::Path;

use icecore_access::CredentialOrigin;

/// Receiver of notices.
pub trait KeyEvents {
    /// Takes a notice.
    fn notice(&self, notice: &KeyNotice<'_>);
}

/// A notice about a key that was removed or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyNotice<'a> {
    /// The removed slot belongs to the key that opened the repository.
    OwnSlotRemoved,
    /// The given key file no longer opens anything.
    KeyFileUseless {
        /// The file.
        path: &'a Path,
        /// Where it was given.
        origin: CredentialOrigin,
        /// The key file to give instead; none if the new key is not in a file.
        instead: Option<&'a Path>,
    },
    /// The given password no longer opens anything.
    PasswordUseless {
        /// Where it was given.
        origin: CredentialOrigin,
        /// The key file to give instead; none if the new key is not in a file.
        instead: Option<&'a Path>,
    },
    /// Without a given key, commands ask for the new one, or use AWS KMS.
    NoFileToFind,
    /// The key file that is used without a given key no longer opens anything.
    DefaultUseless {
        /// The file.
        path: &'a Path,
    },
}
