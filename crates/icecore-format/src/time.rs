//! Times in snapshots, log records and entries.

use crate::error::{FormatError, FormatResult};

/// A time in a CBOR record: seconds and nanoseconds.
pub(crate) type TimeRecord = (i64, u32);

/// A time: seconds since 1970-01-01 UTC (may be negative) and nanoseconds below 1e9.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Whole seconds, rounded towards minus infinity.
    pub seconds: i64,
    /// Nanoseconds above `seconds`.
    pub nanoseconds: u32,
}

impl Time {
    /// Returns the nanoseconds since 1970-01-01 UTC.
    pub fn as_nanoseconds(self) -> i128 {
        i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanoseconds)
    }

    /// Returns the time in the form of the records.
    pub(crate) fn to_record(self) -> TimeRecord {
        (self.seconds, self.nanoseconds)
    }

    /// Reads a time from the record of a `what`.
    pub(crate) fn read(what: &'static str, (seconds, nanoseconds): TimeRecord) -> FormatResult<Self> {
        if nanoseconds < 1_000_000_000 {
            Ok(Self { seconds, nanoseconds })
        } else {
            Err(FormatError::malformed(what, "its nanoseconds are a second or more"))
        }
    }
}
