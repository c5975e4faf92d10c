//! Extended attributes, and other data that is read without content.

use std::io;

use icecore_format::entry::{Entry, EntryKind, Marks};
use icecore_fs::{error::FsError, source_file::SourceFile, walk::WalkEntry, xattr::AttributesRead};

use super::job::{Outcome, ReadItem};
use crate::{capture, events::SourceProblem};

/// Reads extended attributes, and the target of a symbolic link.
pub(crate) fn read_metadata(mut entry: Entry, source: &WalkEntry) -> ReadItem {
    if entry.kind == EntryKind::Symlink {
        match source.read_link() {
            Ok(target) => entry.target = target,
            Err(error) => return ReadItem::failed(entry, error),
        }
    }
    let problem = match source.extended_attributes() {
        Ok(read) => attribute_problem(&mut entry, read),
        Err(error) if error.is_gone() => return ReadItem::failed(entry, error),
        Err(error) => {
            entry.marks = entry.marks.with(Marks::ATTRIBUTES_INCOMPLETE);
            Some(SourceProblem::Unreadable(error))
        }
    };
    // It was read by its name, which another object may have meanwhile.
    if source.is_unchanged().is_ok_and(|unchanged| !unchanged) {
        let error = io::Error::from(io::ErrorKind::NotFound);
        return ReadItem::failed(entry, source.error("read the metadata of", error));
    }
    ReadItem { entry, outcome: Outcome::Complete, problem }
}

/// Copies the attributes into the entry, and returns a problem with them, if any.
fn attribute_problem(entry: &mut Entry, mut read: AttributesRead) -> Option<SourceProblem> {
    let first = if read.unreadable.is_empty() { None } else { Some(read.unreadable.remove(0)) };
    let complete = first.is_none();
    if capture::set_attributes(entry, read) && complete {
        return None;
    }
    entry.marks = entry.marks.with(Marks::ATTRIBUTES_INCOMPLETE);
    let source = first.map_or_else(
        || {
            io::Error::new(
                io::ErrorKind::FileTooLarge,
                "the extended attributes are larger than a snapshot can hold",
            )
        },
        |attribute| attribute.source,
    );
    Some(SourceProblem::Unreadable(FsError::new(
        "read all extended attributes of",
        entry.path.clone(),
        source,
    )))
}

/// Reads the extended attributes of an open file.
pub(crate) fn read_of_file(
    entry: &mut Entry,
    source: &WalkEntry,
    file: &SourceFile,
) -> Option<SourceProblem> {
    match file.extended_attributes() {
        Ok(attributes) => attribute_problem(entry, attributes),
        Err(error) => {
            entry.marks = entry.marks.with(Marks::ATTRIBUTES_INCOMPLETE);
            Some(SourceProblem::Unreadable(source.error("list the extended attributes of", error)))
        }
    }
}
