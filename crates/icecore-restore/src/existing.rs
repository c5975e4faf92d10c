//! Compares existing files with their entries, in one thread.

use icecore_format::entry::{ChunkRef, Entry};
use icecore_fs::{
    error::FsError,
    target::{ExistingFile, TargetTree},
};
use icecore_repo::manifest::ChunkListReader;

use crate::{
    holes::{self, HoleState},
    layout::{PlacedChunk, Placement},
    report::ProblemReason,
    restoration::Restoration,
};

/// Compares the content of an existing file with the recorded one; reads it in one thread.
pub(crate) fn compare(
    restoration: &Restoration<'_>,
    entry: &Entry,
    existing: &ExistingFile,
) -> Result<HoleState, ProblemReason> {
    if existing.metadata().size != entry.size {
        return Ok(HoleState::Wrong);
    }
    let mut list = ChunkListReader::new(restoration.reader, &entry.content);
    let mut placement = Placement::new(&entry.holes);
    let mut buffer = Vec::new();
    while let Some(chunk) = list.next()? {
        restoration.check()?;
        if !is_reusable(restoration, entry, existing, &placement.place(chunk), &mut buffer) {
            return Ok(HoleState::Wrong);
        }
    }
    holes::compare(restoration, entry, existing)
}

/// Opens an existing file; an unreadable file cannot be compared, but may still be replaced.
pub(crate) fn open(restoration: &Restoration<'_>, tree: &TargetTree, entry: &Entry) -> Option<ExistingFile> {
    match tree.open_existing_for_compare(&entry.path) {
        Ok(existing) => existing,
        Err(error) => {
            tracing::debug!(%error, "the existing file cannot be compared");
            restoration.tally.note_aspect("comparison", &entry.path, error.source.to_string());
            None
        }
    }
}

/// Returns the chunks that a file does not have at their positions.
pub(crate) fn wrong_chunks(
    restoration: &Restoration<'_>,
    entry: &Entry,
    file: &ExistingFile,
    chunks: &[PlacedChunk],
) -> Result<Vec<ChunkRef>, ProblemReason> {
    let mut buffer = Vec::new();
    let mut wrong = Vec::new();
    for placed in chunks {
        restoration.check()?;
        if !is_reusable(restoration, entry, file, placed, &mut buffer) {
            wrong.push(placed.chunk);
        }
    }
    Ok(wrong)
}

/// Returns whether a file has a chunk at its position, and leaves the bytes in `buffer`.
fn is_right(
    restoration: &Restoration<'_>,
    entry: &Entry,
    file: &ExistingFile,
    placed: &PlacedChunk,
    buffer: &mut Vec<u8>,
) -> Result<bool, FsError> {
    if placed.chunk.is_hole() {
        return placed.is_zero(&entry.holes, file, buffer);
    }
    if !placed.read(&entry.holes, file, buffer)? {
        return Ok(false);
    }
    restoration.tally.count(|counts| counts.bytes_compared += buffer.len() as u64);
    Ok(restoration.keys().chunk_id(buffer) == placed.chunk.id)
}

/// Same as [`is_right`], but unreadable content counts as wrong, and comes from the repository.
pub(crate) fn is_reusable(
    restoration: &Restoration<'_>,
    entry: &Entry,
    file: &ExistingFile,
    placed: &PlacedChunk,
    buffer: &mut Vec<u8>,
) -> bool {
    is_right(restoration, entry, file, placed, buffer).unwrap_or_else(|error| {
        tracing::debug!(%error, "a part of the existing file cannot be read");
        false
    })
}

/// Reads a restored file from the disk again, and compares it with the snapshot.
pub(crate) fn read_back(
    restoration: &Restoration<'_>,
    tree: &TargetTree,
    entry: &Entry,
) -> Result<(), ProblemReason> {
    let Some(file) = tree.open_existing_for_compare(&entry.path)? else {
        return Err(ProblemReason::ReadBack);
    };
    file.drop_cache()?;
    match compare(restoration, entry, &file)? {
        HoleState::Wrong => Err(ProblemReason::ReadBack),
        HoleState::Right | HoleState::Differs => Ok(()),
    }
}
