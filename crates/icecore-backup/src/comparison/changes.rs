//! Change detection: which parts of an object have to be read if the base has it.

use icecore_format::{
    entry::{Entry, EntryKind, Marks, Time},
    snapshot::Snapshot,
};

use super::granularity;
use crate::request::IgnoredChanges;

/// What has to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: it is the same as in the base.
    Nothing,
    /// Only the extended attributes; the content is the same as in the base.
    ///
    /// Either owner or mode differ, which explains the new time of change, or the difference is to be
    /// ignored.
    Attributes,
    /// Everything. Also if only the time of change is new and no visible change explains it: the content may
    /// have been written and its time reset.
    Everything,
}

/// Rules for differences.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    /// Start of the base. A file that changed later may have changed again within the same tick of the clock
    /// after it was read, so its times prove nothing.
    pub base_started: Time,
    /// End of the base.
    pub base_finished: Time,
    /// Start of this run.
    pub started: Time,
    /// Changes that alone are no reason to read a file again.
    pub ignored: IgnoredChanges,
}

impl Rules {
    /// Returns the rules of a run that began at this time, without a base.
    pub fn new(ignored: IgnoredChanges, started: Time) -> Self {
        Self { started, ignored, ..Self::default() }
    }

    /// Returns the rules for a base.
    #[must_use]
    pub fn against(self, base: &Snapshot) -> Self {
        let base_finished = base.completion().map_or(base.origin.started, |completion| completion.finished);
        Self { base_started: base.origin.started, base_finished, ..self }
    }

    /// Compares an object that the walk found (without content) with its entry in the base.
    pub fn need(&self, found: &Entry, base: &Entry) -> Need {
        if found.kind != base.kind {
            return Need::Everything;
        }
        let same_status = found.changed == base.changed && found.inode == base.inode;
        if found.kind != EntryKind::File {
            // The walk may now look into something that it left out before, or the reverse.
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

    /// Returns whether a file is read again only because its times are in the future, and for the last time:
    /// everything that was written with the clock behind these times was written before this run.
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

    /// Copies everything that was not read from the base, above all the content.
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

    /// Returns whether a file may have changed after the base read it although its times are the same.
    fn is_racy(&self, base: &Entry) -> bool {
        !base.marks.contains(Marks::READ_TWICE) && self.is_doubted_since(base, self.base_started)
    }

    /// Returns whether the times of a file may be those of a change after `start`.
    fn is_doubted_since(&self, base: &Entry, start: Time) -> bool {
        let start = granularity::nanoseconds(start);
        let may_be_later = |time| granularity::nanoseconds(time) + granularity::window(time) >= start;
        may_be_later(base.modified) || !self.ignored.changed && may_be_later(base.changed)
    }
}

/// Returns whether an entry of the base is incomplete or inconsistent.
fn is_doubtful(base: &Entry) -> bool {
    base.marks.without(Marks::READ_TWICE) != Marks::default()
}

fn has_other_owner_or_mode(found: &Entry, base: &Entry) -> bool {
    (found.mode, found.user_id, found.group_id) != (base.mode, base.user_id, base.group_id)
}

#[cfg(test)]
mod tests;
