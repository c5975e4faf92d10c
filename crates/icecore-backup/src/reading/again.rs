//! Objects that differ from what the walk saw when they are read: they are examined again.

use std::sync::Arc;

use icecore_format::entry::{Content, Entry, EntryKind, Marks};
use icecore_fs::{
    error::FsError,
    walk::{Presence, WalkEntry},
};

use super::job::{Outcome, ReadItem};
use crate::{capture, events::SourceProblem};

/// How often an object is read if it changes during each reading.
pub(crate) const READ_ATTEMPTS: u32 = 3;

/// What to do with an object that could not be read.
#[derive(Debug)]
pub(crate) enum Next {
    /// Another object has the name now, or the same one is back: read it.
    Retry(Box<(Entry, WalkEntry)>),
    /// Its final result.
    Done(Box<ReadItem>),
}

/// Reads an object with `first`. While something else has its name, reads that with `again`.
pub(crate) fn read(
    mut entry: Entry,
    mut source: WalkEntry,
    first: impl FnOnce(Entry, &WalkEntry) -> ReadItem,
    mut again: impl FnMut(Entry, &WalkEntry) -> ReadItem,
) -> ReadItem {
    let mut item = first(entry, &source);
    for _ in 1..READ_ATTEMPTS {
        let Outcome::Failed(error) = item.outcome else { return item };
        match look(item.entry, &source, error) {
            Next::Done(item) => return *item,
            Next::Retry(found) => (entry, source) = *found,
        }
        item = again(entry, &source);
    }
    match item.outcome {
        Outcome::Failed(_) => changing(item.entry),
        _ => item,
    }
}

/// Looks up the object that now has the name of one that could not be read.
pub(crate) fn look(entry: Entry, source: &WalkEntry, error: FsError) -> Next {
    let found = match source.look_again() {
        Ok(Presence::There(found)) => found,
        // Its names have been listed, so it stays; if it is moved or removed, this is noticed at the end.
        Ok(_) if entry.kind == EntryKind::Directory => return done(gone(entry, source.path.clone())),
        Ok(Presence::Gone) => return done(vanished(entry, source)),
        Ok(Presence::DirectoryGone) => return done(gone(entry, source.directory.path())),
        Err(_) => return done(failed(entry, error)),
    };
    if found.is_same_object(&source.metadata) && !error.is_not_found() {
        return done(failed(entry, error));
    }
    if entry.kind == EntryKind::Directory {
        return done(gone(entry, source.path.clone()));
    }
    Next::Retry(Box::new((capture::entry(entry.path, &found.metadata), found)))
}

fn done(item: ReadItem) -> Next {
    Next::Done(Box::new(item))
}

/// The name no longer exists, and nothing has replaced it.
fn vanished(entry: Entry, source: &WalkEntry) -> ReadItem {
    ReadItem { entry, outcome: Outcome::Vanished(Arc::clone(&source.directory)), problem: None }
}

/// The object exists and cannot be read.
fn failed(entry: Entry, error: FsError) -> ReadItem {
    without_content(entry, SourceProblem::Unreadable(error))
}

/// A directory was moved or removed, with objects that had to be read.
fn gone(entry: Entry, directory: Vec<u8>) -> ReadItem {
    without_content(entry, SourceProblem::Gone { path: directory })
}

/// Something else had the name at every look.
pub(crate) fn changing(entry: Entry) -> ReadItem {
    let path = entry.path.clone();
    without_content(entry, SourceProblem::Changing { path })
}

/// Keeps what is known about an object without reading it.
fn without_content(entry: Entry, problem: SourceProblem) -> ReadItem {
    ReadItem { entry: strip(entry), outcome: Outcome::Complete, problem: Some(problem) }
}

/// Marks an entry whose object could not be read.
pub(crate) fn strip(mut entry: Entry) -> Entry {
    match entry.kind {
        EntryKind::File => mark_unreadable(&mut entry),
        // Without its target, only the name of a link is left.
        EntryKind::Symlink => entry = capture::name_only(entry.path),
        _ => entry.marks = entry.marks.with(Marks::ATTRIBUTES_INCOMPLETE),
    }
    entry
}

/// Keeps the parts of an entry that are known without its content.
fn mark_unreadable(entry: &mut Entry) {
    entry.content = Content::default();
    entry.holes.clear();
    entry.marks = entry.marks.with(Marks::UNREADABLE);
}

/// A directory has replaced something else: its content is not in the walk.
pub(crate) fn came_too_late(mut item: ReadItem) -> ReadItem {
    if item.entry.kind == EntryKind::Directory {
        item.entry.marks = item.entry.marks.with(Marks::UNREADABLE);
        item.problem.get_or_insert_with(|| SourceProblem::Changing { path: item.entry.path.clone() });
    }
    item
}

#[cfg(test)]
mod tests;
