//! Change detection: what has to be read of an object that the base knows.

use icecore_format::{
    entry::{Entry, EntryKind, Marks, Time},
    snapshot::Snapshot,
};

use super::granularity;
use crate::request::IgnoredChanges;

/// What has to be read of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: it is as in the base.
    Nothing,
    /// Extended attributes only; the content is as in the base.
    ///
    /// Owner or mode differ, which explains the new time of change, or what differs is to be ignored.
    Attributes,
    /// Everything. Also when only the time of change is new and nothing that is visible explains it: the
    /// content may have been written with its time put back.
    Everything,
}

/// What differences mean.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    /// When the base was begun: what changed after that may have changed once more within the same tick of
    /// the clock after it was read, so its times prove nothing.
    pub base_started: Time,
    /// When the base was complete.
    pub base_finished: Time,
    /// When this run was begun.
    pub started: Time,
    /// What alone does not have a file read again.
    pub ignored: IgnoredChanges,
}

impl Rules {
    /// Returns the rules of a run that was begun then, without a base.
    pub fn new(ignored: IgnoredChanges, started: Time) -> Self {
        Self { started, ignored, ..Self::default() }
    }

    /// Returns the rules for a base.
    #[must_use]
    pub fn against(self, base: &Snapshot) -> Self {
        let base_finished = base.completion().map_or(base.origin.started, |completion| completion.finished);
        Self { base_started: base.origin.started, base_finished, ..self }
    }

    /// Compares an object as the walk found it (without content) with its entry in the base.
    pub fn need(&self, found: &Entry, base: &Entry) -> Need {
        if found.kind != base.kind {
            return Need::Everything;
        }
        let same_status = found.changed == base.changed && found.inode == base.inode;
        if found.kind != EntryKind::File {
            // What the walk did not look into, it may look into now, and the reverse.
            let same = same_status && base.marks == found.marks;
            return if same { Need::Nothing } else { Need::Everything };
        }
        if !self.has_same_times(found, base) || self.is_racy(base) || is_doubtful(base) {
            Need::Everything
        } else if same_status {
            Need::Nothing
        } else if found.changed == base.changed
            || self.ignored.changed
            || has_other_owner_or_mode(found, base)
        {
            Need::Attributes
        } else {
            Need::Everything
        }
    }

    /// Says whether a file is read again only because its times lie in the future, and for the last time:
    /// whatever was written with the clock that gave these times was written before this run.
    pub fn is_second_reading(&self, found: &Entry, base: &Entry) -> bool {
        let is_settled = granularity::nanoseconds(self.base_finished) + granularity::window(base.changed)
            < granularity::nanoseconds(self.started);
        found.kind == EntryKind::File
            && found.changed == base.changed
            && self.has_same_times(found, base)
            && !is_doubtful(base)
            && self.is_racy(base)
            && self.is_doubted_since(base, self.started)
            && is_settled
    }

    /// Takes over from the base what was not read, content above all.
    pub fn take_content(&self, entry: &mut Entry, base: Entry) {
        entry.content = base.content;
        entry.holes = base.holes;
        entry.target = base.target;
        if base.marks.contains(Marks::READ_TWICE) && (self.ignored.changed || entry.changed == base.changed) {
            entry.marks = entry.marks.with(Marks::READ_TWICE);
        }
    }

    fn has_same_times(&self, found: &Entry, base: &Entry) -> bool {
        found.size == base.size
            && found.modified == base.modified
            && (self.ignored.inode || found.inode == base.inode)
    }

    /// Says whether a file may have changed after the base read it although its times are the same.
    fn is_racy(&self, base: &Entry) -> bool {
        !base.marks.contains(Marks::READ_TWICE) && self.is_doubted_since(base, self.base_started)
    }

    /// Says whether the times of a file may be those of a change after `start`.
    fn is_doubted_since(&self, base: &Entry, start: Time) -> bool {
        let start = granularity::nanoseconds(start);
        let may_be_later = |time| granularity::nanoseconds(time) + granularity::window(time) >= start;
        may_be_later(base.modified) || !self.ignored.changed && may_be_later(base.changed)
    }
}

/// Says whether an entry of the base is not what it should be.
fn is_doubtful(base: &Entry) -> bool {
    base.marks.without(Marks::READ_TWICE) != Marks::default()
}

fn has_other_owner_or_mode(found: &Entry, base: &Entry) -> bool {
    (found.mode, found.user_id, found.group_id) != (base.mode, base.user_id, base.group_id)
}

#[cfg(test)]
mod tests;
