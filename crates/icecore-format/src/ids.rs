//! Names of repositories, runs, chunks, packs and records.

use std::fmt;

use crate::error::{FormatError, FormatResult};

/// Length of a chunk id in bytes: a BLAKE3 hash truncated to 192 bits, measured against 160 and 256 (decision
/// 0006).
pub const CHUNK_ID_BYTES: usize = 24;

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $length:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $length]);

        impl $name {
            /// Length in bytes.
            pub const BYTES: usize = $length;

            /// Reads an id of exactly this many bytes.
            pub fn from_slice(bytes: &[u8]) -> FormatResult<Self> {
                match bytes.try_into() {
                    Ok(array) => Ok(Self(array)),
                    Err(_) => Err(FormatError::malformed(stringify!($name), "it has the wrong number of bytes")),
                }
            }

            /// Reads an id from lower-case hexadecimal digits.
            pub fn from_hex(text: &str) -> FormatResult<Self> {
                let mut bytes = [0; $length];
                if decode_hex(text, &mut bytes) { Ok(Self(bytes)) } else {
                    Err(FormatError::malformed(stringify!($name), "it does not have the right number of lower-case hexadecimal digits"))
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }
    };
}

byte_id! {
    /// Random name of a repository, drawn when it is created.
    RepositoryId, 16
}
byte_id! {
    /// First bytes of the keyed BLAKE3 hash of a chunk's content; names a chunk within one repository and
    /// kind.
    ChunkId, CHUNK_ID_BYTES
}
impl ChunkId {
    /// Represents a hole in a chunk list; a chunk has this id only with a probability of 1 in 2¹⁹².
    pub const HOLE: Self = Self([0; CHUNK_ID_BYTES]);
}

byte_id! {
    /// Name of one run of a writer: 48 bits of Unix milliseconds (big-endian), then 80 random bits. Names the
    /// snapshot that the run creates, and everything that the run uploads.
    RunId, 16
}

byte_id! {
    /// Random name of a writer of the log: the local state of one user of one host.
    WriterId, 16
}
byte_id! {
    /// BLAKE3 hash of a stored log record.
    RecordHash, 32
}
byte_id! {
    /// Hash of the immutable parts of a complete snapshot.
    SnapshotDigest, 32
}

/// Reads `out.len()` bytes from lower-case hexadecimal digits; returns whether the text has exactly that
/// form.
pub(crate) fn decode_hex(text: &str, out: &mut [u8]) -> bool {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let text = text.as_bytes();
    if text.len() != out.len() * 2 {
        return false;
    }
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else { return false };
        *byte = high << 4 | low;
    }
    true
}

impl ChunkId {
    /// Takes the first bytes of a hash.
    pub(crate) fn of(hash: &blake3::Hash) -> Self {
        let mut bytes = [0; Self::BYTES];
        bytes.copy_from_slice(&hash.as_bytes()[..Self::BYTES]);
        Self(bytes)
    }
}

impl RunId {
    /// Makes the name of a run that starts at `unix_milliseconds`; `random` makes it unique.
    pub fn new(unix_milliseconds: u64, random: [u8; 10]) -> Self {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&unix_milliseconds.to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&random);
        Self(bytes)
    }

    /// Returns the random part in hexadecimal (20 digits): the snapshot id that users see and abbreviate.
    pub fn snapshot_id(&self) -> String {
        let mut text = self.to_string();
        text.split_off(12)
    }

    /// Returns the writer's clock at the start of the run, in milliseconds since 1970.
    pub fn unix_milliseconds(&self) -> u64 {
        let mut bytes = [0; 8];
        bytes[2..].copy_from_slice(&self.0[..6]);
        u64::from_be_bytes(bytes)
    }
}

/// Name of the set of packs that a full begins: the run id of that full.
pub type GroupId = RunId;

/// Name of a pack: the run that wrote it, and the pack's number within the run. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackName {
    /// Run that wrote the pack.
    pub run: RunId,
    /// Number of the pack within its run, counted over all kinds from 0.
    pub number: u32,
}

impl fmt::Display for PackName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{:06}", self.run, self.number)
    }
}

impl PackName {
    /// Reads a name of the form that `Display` writes.
    pub fn parse(text: &str) -> FormatResult<Self> {
        let malformed = FormatError::malformed("pack name", "it does not have the form <run>-<number>");
        let Some((run, number)) = text.split_once('-') else { return Err(malformed) };
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        let Ok(value) = number.parse::<u32>() else { return Err(malformed) };
        let name = Self { run: RunId::from_hex(run)?, number: value };
        if digits && name.to_string() == text { Ok(name) } else { Err(malformed) }
    }
}

/// Name of a record of the log: its writer, and its number among the records of the writer, from 1. Never
/// reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordName {
    /// Writer of the record.
    pub writer: WriterId,
    /// Number of the record.
    pub sequence: u32,
}

impl fmt::Display for RecordName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{:06}", self.writer, self.sequence)
    }
}

impl RecordName {
    /// Reads a name of the form that `Display` writes.
    pub fn parse(text: &str) -> FormatResult<Self> {
        let malformed =
            FormatError::malformed("log record name", "it does not have the form <writer>/<sequence>");
        let Some((writer, number)) = text.split_once('/') else { return Err(malformed) };
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        let Ok(sequence) = number.parse::<u32>() else { return Err(malformed) };
        let name = Self { writer: WriterId::from_hex(writer)?, sequence };
        if digits && sequence > 0 && name.to_string() == text { Ok(name) } else { Err(malformed) }
    }
}

/// Number of a collection, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CollectionNumber(u32);

impl CollectionNumber {
    /// The number of the first collection of a repository.
    pub const FIRST: Self = Self(1);

    /// Makes a number; none if it is 0.
    pub fn new(number: u32) -> Option<Self> {
        (number > 0).then_some(Self(number))
    }

    /// Returns the number.
    pub fn get(self) -> u32 {
        self.0
    }

    /// Returns the number of the next collection; none after 2³² − 1.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }

    /// Reads a number of the form that `Display` writes.
    pub fn parse(text: &str) -> FormatResult<Self> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits).and_then(Self::new);
        number
            .filter(|number| number.to_string() == text)
            .ok_or(FormatError::malformed("collection number", "not a number of at least six digits"))
    }
}

impl fmt::Display for CollectionNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:06}", self.0)
    }
}

#[cfg(test)]
mod tests;
