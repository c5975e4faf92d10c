//! What is good to know about a key that was removed or changed.

use std::path::Path;

use icecore_access::CredentialOrigin;

/// Receiver of what is good to know.
pub trait KeyEvents {
    /// Takes a notice.
    fn notice(&self, notice: &KeyNotice<'_>);
}

/// What is good to know about a key that was removed or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyNotice<'a> {
    /// The slot that was removed is that of the key that opened the repository.
    OwnSlotRemoved,
    /// The key file that was given opens nothing any more.
    KeyFileUseless {
        /// The file.
        path: &'a Path,
        /// Where it was given.
        origin: CredentialOrigin,
        /// The key file that has to be given instead; none if the new key is none in a file.
        instead: Option<&'a Path>,
    },
    /// The password that was given opens nothing any more.
    PasswordUseless {
        /// Where it was given.
        origin: CredentialOrigin,
        /// The key file that has to be given instead; none if the new key is none in a file.
        instead: Option<&'a Path>,
    },
    /// Where no key is given, the new one is asked for, or AWS KMS is used.
    NoFileToFind,
    /// The key file that is used where no key is given opens nothing any more.
    DefaultUseless {
        /// The file.
        path: &'a Path,
    },
}
