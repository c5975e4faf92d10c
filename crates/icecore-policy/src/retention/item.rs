//! Snapshots as far as retention looks at them.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// A hold: no rule removes a snapshot that has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionHold {
    /// First moment at which the hold does not apply any more; none: it lasts until it is released.
    pub until: Option<Timestamp>,
    /// Reason as the user wrote it.
    pub reason: String,
}

impl RetentionHold {
    /// Returns whether the hold applies at `now`.
    pub fn applies(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// A complete snapshot of the repository. A run that is not complete is never an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionItem {
    /// Unique name; orders snapshots that were made at the same moment with the same sequence.
    pub id: String,
    /// Start of the run.
    pub time: Timestamp,
    /// The time contradicts the order of the source's snapshots or the store's clock.
    pub is_time_doubtful: bool,
    /// Number in the order of the source's snapshots; 0 if there is none.
    pub sequence: u64,
    /// Host.
    pub host: String,
    /// Name of the source.
    pub source: String,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Not everything could be read, or a part was lost since.
    pub is_partial: bool,
    /// An earlier application of retention rules has seen this snapshot and kept it. See
    /// [`GuardLimits::share_percent_max`].
    ///
    /// [`GuardLimits::share_percent_max`]: super::GuardLimits::share_percent_max
    pub is_reviewed: bool,
    /// Entries of all kinds.
    pub entries: u64,
    /// Files among the entries.
    pub files: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes that the repository did not have before this snapshot; none if the number says nothing about
    /// changes of the source, as for its first snapshot and for a full that stores everything once more.
    pub added_bytes: Option<u64>,
    /// Hold, if there is one.
    pub hold: Option<RetentionHold>,
}

impl RetentionItem {
    /// Returns a whole snapshot of an empty source, without tags and hold.
    pub fn new(id: impl Into<String>, time: Timestamp, host: &str, source: &str) -> Self {
        Self {
            id: id.into(),
            time,
            is_time_doubtful: false,
            sequence: 0,
            host: host.to_owned(),
            source: source.to_owned(),
            tags: BTreeMap::new(),
            is_partial: false,
            is_reviewed: false,
            entries: 0,
            files: 0,
            bytes: 0,
            added_bytes: None,
            hold: None,
        }
    }

    /// Returns the key of the order in time; equal moments are ordered by sequence, then by id.
    pub(super) fn place(&self) -> (Timestamp, u64, &str) {
        (self.time, self.sequence, &self.id)
    }

    /// Returns host and source.
    pub(super) fn origin(&self) -> (&str, &str) {
        (&self.host, &self.source)
    }
}
