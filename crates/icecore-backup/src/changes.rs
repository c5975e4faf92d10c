//! Change detection: what has to be read of an object that the base knows.

use icecore_format::entry::{Entry, EntryKind, Marks, Time};

/// What has to be read of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: it is as in the base.
    Nothing,
    /// Extended attributes only; the content is as in the base.
    ///
    /// Owner or mode differ, which explains the new time of change.
    Attributes,
    /// Everything. Also when only the time of change is new and nothing that is visible explains it: the content may have
    /// been written with its time put back.
    Everything,
}

/// Compares an object as the walk found it (without content) with its entry in the base.
///
/// `base_started` is when the base was begun: what changed after that may have changed once more within the same tick of
/// the clock after it was read, so its times prove nothing.
pub(crate) fn need(found: &Entry, base: &Entry, base_started: Time) -> Need {
    if found.kind != base.kind {
        return Need::Everything;
    }
    let doubtful = base.marks != Marks::default();
    let same_status = found.changed == base.changed && found.inode == base.inode;
    match found.kind {
        EntryKind::File => {
            let same_content =
                found.size == base.size && found.modified == base.modified && found.inode == base.inode;
            let racy = base.changed >= base_started || base.modified >= base_started;
            if !same_content || racy || doubtful {
                Need::Everything
            } else if same_status {
                Need::Nothing
            } else if found.mode != base.mode
                || found.user_id != base.user_id
                || found.group_id != base.group_id
            {
                Need::Attributes
            } else {
                Need::Everything
            }
        }
        _ if same_status && !doubtful => Need::Nothing,
        _ => Need::Everything,
    }
}

/// Takes over from the base what was not read, content above all.
pub(crate) fn take_content(entry: &mut Entry, base: Entry) {
    entry.content = base.content;
    entry.holes = base.holes;
    entry.target = base.target;
}

#[cfg(test)]
mod tests;
