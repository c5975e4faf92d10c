//! Decides when an existing file is right without reading it.

use icecore_format::entry::{Entry, Marks, Time};
use icecore_fs::entry::Metadata;

use crate::{candidate::timestamp, request::RestoreRequest};

/// Granularity in nanoseconds that the source's times are taken to have if it is not known.
const GRANULARITY_UNKNOWN: u64 = 2_000_000_000;
const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

/// When an existing file of the right size and time counts as right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// When its content is.
    Content,
    /// At once.
    Times,
    /// When its content is; or at once if it is the very file of the source, and has not changed since the
    /// backup.
    Source {
        /// What changed at this time or later may have changed once more after it was read, without a new
        /// time.
        before: Time,
    },
}

impl Comparison {
    /// Returns what a request asks for.
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

    /// Says whether a file of the right size and time is right without reading it.
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

/// Returns the time some nanoseconds before another.
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
