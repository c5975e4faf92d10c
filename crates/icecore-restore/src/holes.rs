//! Compares the holes of an existing file with the recorded ones, and changes them without changing the
//! content.

use icecore_format::entry::{Content, Entry};
use icecore_fs::target::{ExistingFile, TargetTree};
use icecore_repo::manifest::ChunkListReader;

use crate::{report::ProblemReason, restoration::Restoration};

/// Bytes that are compared with zeros at a time.
const PIECE_BYTES: usize = 256 << 10;

/// Data in less than a whole block of this many bytes cannot be a hole.
const BLOCK_BYTES: u64 = 4096;

/// Result of comparing the holes of a file with the recorded ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HoleState {
    /// They match.
    Right,
    /// The content matches, but the file has zeros instead of a hole, or the other way round.
    Differs,
    /// There are non-zero bytes in the range of a hole.
    Wrong,
}

/// A range of a file whose allocation differs from the recorded one: `(start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
    /// Data instead of a hole.
    Data(u64, u64),
    /// A hole instead of data.
    Hole(u64, u64),
}

impl Difference {
    fn can_be_repaired(self) -> bool {
        match self {
            Self::Data(start, end) => start.next_multiple_of(BLOCK_BYTES) < end - end % BLOCK_BYTES,
            Self::Hole(..) => true,
        }
    }
}

/// Compares the holes of a file; reads only the data in the ranges of recorded holes.
pub(crate) fn compare(
    restoration: &Restoration<'_>,
    entry: &Entry,
    file: &ExistingFile,
) -> Result<HoleState, ProblemReason> {
    let mut state = HoleState::Right;
    let mut buffer = Vec::new();
    differences(restoration, entry, file, &mut |difference| {
        restoration.check()?;
        if let Difference::Data(start, end) = difference
            && !is_zero(restoration, file, (start, end), &mut buffer)?
        {
            state = HoleState::Wrong;
            return Ok(false);
        }
        if difference.can_be_repaired() {
            state = HoleState::Differs;
        }
        Ok(true)
    })?;
    Ok(state)
}

/// Makes and fills holes, in a file whose content matches according to [`compare`]; returns false if the file
/// must be replaced instead of changed.
pub(crate) fn repair(
    restoration: &Restoration<'_>,
    tree: &TargetTree,
    entry: &Entry,
    existing: &ExistingFile,
) -> Result<bool, ProblemReason> {
    let Some(file) = tree.open_for_holes(existing)? else { return Ok(false) };
    differences(restoration, entry, existing, &mut |difference| {
        restoration.check()?;
        match difference {
            // On a file system without holes, the zeros stay: they read the same.
            Difference::Data(start, end) => file.punch(start, end)?,
            Difference::Hole(start, end) => {
                file.fill(start, end)?;
                true
            }
        };
        Ok(true)
    })?;
    Ok(true)
}

/// Passes on the differing ranges in their order until the receiver returns false.
fn differences(
    restoration: &Restoration<'_>,
    entry: &Entry,
    file: &ExistingFile,
    receive: &mut dyn FnMut(Difference) -> Result<bool, ProblemReason>,
) -> Result<(), ProblemReason> {
    // A file with all its blocks has no holes; this avoids a system call for most files.
    let is_list = matches!(entry.content, Content::List(_));
    if entry.holes.is_empty() && !is_list && file.allocated_bytes() >= entry.size {
        return Ok(());
    }
    let mut position = 0;
    let is_complete = each_hole(restoration, entry, &mut |start, end| {
        if !missing_data(file, position, start, receive)? {
            return Ok(false);
        }
        position = start;
        while let Some((data_start, data_end)) = file.next_data(position, end)? {
            if !receive(Difference::Data(data_start, data_end))? {
                return Ok(false);
            }
            position = data_end;
        }
        position = end;
        Ok(true)
    })?;
    if is_complete {
        missing_data(file, position, entry.size, receive)?;
    }
    Ok(())
}

/// Passes on the recorded holes as `(start, end)` until the receiver returns false; a file with very many
/// holes has them in its list of chunks.
fn each_hole(
    restoration: &Restoration<'_>,
    entry: &Entry,
    receive: &mut dyn FnMut(u64, u64) -> Result<bool, ProblemReason>,
) -> Result<bool, ProblemReason> {
    for hole in &entry.holes {
        let end = hole.offset.saturating_add(hole.length).min(entry.size);
        if !receive(hole.offset, end)? {
            return Ok(false);
        }
    }
    if !entry.holes.is_empty() || matches!(entry.content, Content::Inline(_)) {
        return Ok(true);
    }
    let mut list = ChunkListReader::new(restoration.reader, &entry.content);
    let mut position = 0_u64;
    while let Some(chunk) = list.next()? {
        let end = position.saturating_add(u64::from(chunk.length)).min(entry.size);
        if chunk.is_hole() && !receive(position, end)? {
            return Ok(false);
        }
        position = end;
    }
    Ok(true)
}

/// Passes on the holes in a range that should be data.
fn missing_data(
    file: &ExistingFile,
    mut position: u64,
    end: u64,
    receive: &mut dyn FnMut(Difference) -> Result<bool, ProblemReason>,
) -> Result<bool, ProblemReason> {
    while position < end {
        let (start, data_end) = file.next_data(position, end)?.unwrap_or((end, end));
        if start > position && !receive(Difference::Hole(position, start))? {
            return Ok(false);
        }
        position = data_end;
    }
    Ok(true)
}

/// Returns whether a range of a file reads as zeros.
fn is_zero(
    restoration: &Restoration<'_>,
    file: &ExistingFile,
    (mut position, end): (u64, u64),
    buffer: &mut Vec<u8>,
) -> Result<bool, ProblemReason> {
    buffer.resize(PIECE_BYTES, 0);
    while position < end {
        restoration.check()?;
        let piece = &mut buffer[..(end - position).min(PIECE_BYTES as u64) as usize];
        if file.read_at(position, piece)? != piece.len() || piece.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        position += piece.len() as u64;
    }
    Ok(true)
}
