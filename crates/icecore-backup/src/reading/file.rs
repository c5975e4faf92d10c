//! Steps after reading the bytes of any file, short or long.

use std::io;

use icecore_format::entry::{Entry, Hole, Marks};
use icecore_fs::{entry::Metadata, source_file::SourceFile, walk::WalkEntry};

use super::attributes;
use crate::{capture, events::SourceProblem};

/// What was read of a file, besides its bytes.
#[derive(Debug)]
pub(crate) struct FileRead {
    /// Metadata after the last byte was read.
    metadata: Metadata,
    /// Length of the content, including holes.
    size: u64,
    /// Holes that are not items of the chunk list.
    holes: Vec<Hole>,
    /// Nothing changed between opening and the end.
    pub steady: bool,
}

impl FileRead {
    /// Examines a file again after its bytes have been read.
    pub fn end(file: &SourceFile, size: u64, holes: Vec<Hole>) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let steady = has_same_state(file.opened_metadata(), &metadata);
        Ok(Self { metadata, size, holes, steady })
    }

    /// Completes the entry of the file, and returns a problem, if any.
    pub fn complete(self, entry: &mut Entry, source: &WalkEntry, file: &SourceFile) -> Option<SourceProblem> {
        capture::set_metadata_read(entry, &self.metadata);
        entry.size = self.size;
        entry.holes = self.holes;
        let problem = attributes::read_of_file(entry, source, file);
        if self.steady {
            return problem;
        }
        entry.marks = entry.marks.with(Marks::CHANGED_WHILE_READ);
        Some(SourceProblem::Changing { path: entry.path.clone() })
    }
}

/// Returns whether nothing was written between two looks at a file.
fn has_same_state(before: &Metadata, after: &Metadata) -> bool {
    before.size == after.size && before.modified == after.modified && before.changed == after.changed
}

/// Reads until the buffer is full or the file ends; returns the number of bytes.
pub(crate) fn read_fully(file: &SourceFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}
