//! Decides when an existing file counts as up to date without reading it.

use icecore_format::entry::{Entry, Marks, Time};
use icecore_fs::entry::Metadata;

use crate::{candidate::timestamp, request::RestoreRequest};

/// Granularity in nanoseconds that is assumed for the source's times if it is not known.
const GRANULARITY_UNKNOWN: u64 = 2_000_000_000;
const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

/// When an existing file with matching size and time counts as up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// If its content matches.
    Content,
    /// Always.
    Times,
    /// If its content matches, or if it is the source's own file and has not changed since the backup.
    Source {
        /// A file that changed at this time or later may have changed again after it was read, without a new
        /// time.
        before: Time,
    },
}

impl Comparison {
    /// Returns the comparison for a request.
    pub fn of(request: &RestoreRequest) -> Self {
        let granularity = request.snapshot.completion().map_or(0, |completion| completion.time_granularity);
        let granularity = if granularity == 0 { GRANULARITY_UNKNOWN } else { granularity };
        if request.trust_times {
            Self::Times
        } else if request.is_source {
            Self::Source { before: earlier(request.snapshot.origin.started, granularity) }
        } else {
            Self::Content
        }
    }

    /// Returns whether a file with matching size and time is up to date without reading it.
    pub fn trusts(self, entry: &Entry, found: &Metadata) -> bool {
        match self {
            Self::Content => false,
            Self::Times => true,
            Self::Source { before } => {
                entry.inode == found.inode
                    && timestamp(entry.changed) == found.changed
                    && entry.changed < before
                    && !entry.marks.contains(Marks::CHANGED_WHILE_READ)
            }
        }
    }
}

/// Returns the time that is this many nanoseconds earlier.
fn earlier(time: Time, nanoseconds: u64) -> Time {
    let whole = i64::try_from(nanoseconds / NANOSECONDS_PER_SECOND).unwrap_or(i64::MAX);
    let rest = (nanoseconds % NANOSECONDS_PER_SECOND) as u32;
    let (borrow, nanoseconds) = match time.nanoseconds.checked_sub(rest) {
        Some(left) => (0, left),
        None => (1, time.nanoseconds + NANOSECONDS_PER_SECOND as u32 - rest),
    };
    Time { seconds: time.seconds.saturating_sub(whole).saturating_sub(borrow), nanoseconds }
}

#[cfg(test)]
mod tests;
