//! Errors in stored bytes.

/// Result of reading or writing stored bytes.
pub type FormatResult<T> = Result<T, FormatError>;

/// Error of parsing, authenticating or producing stored bytes. The text fits after "failed to …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The object is shorter than its form requires.
    #[error("{what} is truncated: it has {found} bytes but needs at least {needed}")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Bytes found.
        found: u64,
        /// Smallest number of bytes that the form requires.
        needed: u64,
    },
    /// The object does not begin (or end) with the magic of its kind.
    #[error("{what} has the wrong magic bytes")]
    BadMagic {
        /// What was being read.
        what: &'static str,
    },
    /// The object was written by a newer version of the format.
    #[error("{what} has format version {found}; this program reads up to version {supported}")]
    UnsupportedVersion {
        /// What was being read.
        what: &'static str,
        /// Version found.
        found: u16,
        /// Newest version that can be read.
        supported: u16,
    },
    /// The repository uses features that this program does not know.
    #[error("the repository uses features that this version does not support (bits {unknown:#x})")]
    UnsupportedFeature {
        /// Unknown bits of the required features.
        unknown: u32,
    },
    /// The bytes were not sealed under this key for this purpose: damage, another key or tampering.
    #[error(
        "{what} failed authentication: it is damaged, was moved from another location, or belongs to another key"
    )]
    Unauthenticated {
        /// What was being read.
        what: &'static str,
    },
    /// The object is sealed under a master key that the key slot does not contain (an older or newer slot
    /// may).
    #[error(
        "it is encrypted with key epoch {epoch}, which this key slot does not contain; another slot may contain it"
    )]
    UnknownEpoch {
        /// Epoch that is needed.
        epoch: u32,
    },
    /// This program does not know the kind of the key slot.
    #[error("this version does not support key slots of kind {kind}")]
    UnsupportedSlot {
        /// Number of the kind.
        kind: u8,
    },
    /// The password or key file does not open the slot.
    #[error("the password or key file does not open this key slot")]
    WrongKey,
    /// The bytes are authentic or plain, but do not have the required form.
    #[error("{what} is malformed: {reason}")]
    Malformed {
        /// What was being read.
        what: &'static str,
        /// Which rule is broken.
        reason: &'static str,
    },
    /// A stored number is outside the bounds of the format.
    #[error("{what} is {found}; the format allows {minimum} to {maximum}")]
    OutOfBounds {
        /// Which number.
        what: &'static str,
        /// Value found.
        found: u64,
        /// Smallest allowed value.
        minimum: u64,
        /// Largest allowed value.
        maximum: u64,
    },
    /// The object has an unknown state: a newer program wrote it.
    #[error("{what} is in state {state}, which this program does not know; a newer one does")]
    UnknownState {
        /// What was being read.
        what: &'static str,
        /// Number of the state.
        state: u64,
    },
    /// The decrypted bytes do not decompress to the length in the directory.
    #[error("{what} cannot be decompressed")]
    Decompression {
        /// What was being read.
        what: &'static str,
    },
    /// The content does not match the id under which it was stored.
    #[error("the content of a chunk does not match its id")]
    WrongContent,
    /// The compressor refused its input.
    #[error("compression failed: {reason}")]
    Compression {
        /// Message of the library.
        reason: String,
    },
    /// There was not enough memory to derive a key from a password.
    #[error(
        "not enough memory to derive the key from the password: it takes {} MiB ({reason})",
        needed_kib.div_ceil(1024)
    )]
    KeyDerivation {
        /// Memory cost of the slot in KiB.
        needed_kib: u32,
        /// Message of the library.
        reason: String,
    },
}

impl FormatError {
    /// Returns whether the stored bytes are damaged (and not only foreign, newer or under another key).
    pub fn is_corruption(&self) -> bool {
        matches!(
            self,
            Self::Truncated { .. }
                | Self::BadMagic { .. }
                | Self::Unauthenticated { .. }
                | Self::Malformed { .. }
                | Self::OutOfBounds { .. }
                | Self::Decompression { .. }
                | Self::WrongContent
        )
    }

    pub(crate) fn malformed(what: &'static str, reason: &'static str) -> Self {
        Self::Malformed { what, reason }
    }
}
