//! Writes one file in one thread.

use icecore_format::entry::{ChunkRef, Content, Entry};
use icecore_fs::target::{ExistingFile, TargetFile, TargetTree};
use icecore_repo::{manifest::ChunkListReader, reader::BlockPlan};

use crate::{
    candidate::Candidate,
    deletion, existing,
    holes::{self, HoleState},
    layout::{PlacedChunk, Placement, RecordedHoles},
    metadata, outcome,
    report::ProblemReason,
    restoration::Restoration,
    segments,
    verdict::Verdict,
};

/// Writes a new file, with those chunks of `existing` that match.
pub(crate) fn write(
    restoration: &Restoration<'_>,
    tree: &TargetTree,
    candidate: &Candidate,
    existing: Option<&ExistingFile>,
    verdict: Verdict,
) -> Result<(), ProblemReason> {
    let entry = &candidate.entry;
    let file = create(restoration, tree, entry)?;
    let mut list = ChunkListReader::new(restoration.reader, &entry.content);
    let mut placement = Placement::new(&entry.holes);
    let mut writer = ChunkWriter::new(restoration, entry, &file, existing);
    while let Some(chunk) = list.next()? {
        restoration.check()?;
        writer.write(&placement.place(chunk))?;
    }
    writer.end()?;
    finish(restoration, tree, candidate, &file, verdict)
}

/// Begins a file with a temporary name.
pub(crate) fn create(
    restoration: &Restoration<'_>,
    tree: &TargetTree,
    entry: &Entry,
) -> Result<TargetFile, ProblemReason> {
    // This reads the chunk list twice, which costs little compared with reading its chunks.
    let has_holes = RecordedHoles::new(restoration.reader, entry).next()?.is_some();
    let size_hint = if has_holes { 0 } else { entry.size };
    Ok(tree.create_file(&entry.path, size_hint)?)
}

/// Sets the length, metadata and name of a file with complete content, and notes that it exists.
pub(crate) fn finish(
    restoration: &Restoration<'_>,
    tree: &TargetTree,
    candidate: &Candidate,
    file: &TargetFile,
    verdict: Verdict,
) -> Result<(), ProblemReason> {
    let entry = &candidate.entry;
    if !entry.holes.is_empty() || matches!(entry.content, Content::List(_)) {
        file.set_length(entry.size)?;
    }
    if verdict == Verdict::Directory {
        deletion::displace(restoration, tree, &entry.path)?;
    }
    let options = candidate.apply_options(restoration.request);
    let warnings = file.finish(&candidate.metadata(), &entry.attributes, &options)?;
    restoration.tally.warn(warnings);
    restoration.tally.count(|counts| counts.files_written += 1);
    outcome::note_created(restoration, candidate, verdict);
    Ok(())
}

/// Updates an existing file: changes only its metadata if its content matches; otherwise writes a new file
/// and fetches only the chunks that differ.
pub(crate) fn update(
    restoration: &Restoration<'_>,
    tree: &TargetTree,
    candidate: &Candidate,
    replace: bool,
) -> Result<(), ProblemReason> {
    let entry = &candidate.entry;
    let verdict = Verdict::Compare { replace };
    let Some(existing) = existing::open(restoration, tree, entry) else {
        return write(restoration, tree, candidate, None, verdict);
    };
    if segments::is_large(entry) {
        return write(restoration, tree, candidate, Some(&existing), verdict);
    }
    let chunks = ChunkListReader::collect(restoration.reader, &entry.content)?;
    let mut placement = Placement::new(&entry.holes);
    let placed: Vec<PlacedChunk> = chunks.iter().map(|chunk| placement.place(*chunk)).collect();
    let wrong = existing::wrong_chunks(restoration, entry, &existing, &placed)?;
    let is_candidate = wrong.is_empty() && !replace && existing.metadata().size == entry.size;
    let holes = if is_candidate { holes::compare(restoration, entry, &existing)? } else { HoleState::Wrong };
    let is_right = match holes {
        HoleState::Wrong => false,
        HoleState::Right => true,
        HoleState::Differs => holes::repair(restoration, tree, entry, &existing)?,
    };
    if !is_right {
        fetch(restoration, &wrong);
        return write(restoration, tree, candidate, Some(&existing), verdict);
    }
    // Also after making holes, which gives the file a new time.
    metadata::fix_metadata(restoration, tree, candidate, false)
}

/// Fetches the blocks of some chunks; missing ones are noticed by their reader.
pub(crate) fn fetch(restoration: &Restoration<'_>, chunks: &[ChunkRef]) {
    let mut plan = BlockPlan::default();
    for chunk in chunks {
        if plan.add(restoration.reader, chunk).is_err() {
            tracing::debug!(id = %chunk.id, "chunk is missing");
        }
    }
    plan.into_groups(restoration.reader).iter().for_each(|group| restoration.reader.prefetch(group));
}

/// Writes chunks into a file: from the previous file if it has them, otherwise from the repository.
///
/// After a chunk in an archived pack, nothing more is written. The remaining chunks are only looked up, to
/// find all archived packs and not only the first.
pub(crate) struct ChunkWriter<'a> {
    restoration: &'a Restoration<'a>,
    entry: &'a Entry,
    file: &'a TargetFile,
    existing: Option<&'a ExistingFile>,
    buffer: Vec<u8>,
    looks_only: bool,
    archived: Option<ProblemReason>,
}

impl<'a> ChunkWriter<'a> {
    /// Prepares for writing chunks of `entry`.
    pub fn new(
        restoration: &'a Restoration<'a>,
        entry: &'a Entry,
        file: &'a TargetFile,
        existing: Option<&'a ExistingFile>,
    ) -> Self {
        Self { restoration, entry, file, existing, buffer: Vec::new(), looks_only: false, archived: None }
    }

    /// Writes nothing from here on, because another part of the file is archived.
    pub fn look_only(&mut self) {
        self.looks_only = true;
    }

    /// Writes one chunk at its position, unless an earlier one was archived.
    pub fn write(&mut self, placed: &PlacedChunk) -> Result<(), ProblemReason> {
        if placed.chunk.is_hole() {
            // Unwritten ranges are holes.
            return Ok(());
        }
        let is_reused = self.existing.is_some_and(|existing| {
            existing::is_reusable(self.restoration, self.entry, existing, placed, &mut self.buffer)
        });
        if self.looks_only {
            if !is_reused {
                self.restoration.reader.probe(&placed.chunk);
            }
            return Ok(());
        }
        let length = u64::from(placed.chunk.length);
        if is_reused {
            self.write_pieces(placed, &self.buffer)?;
            self.restoration.tally.count(|counts| counts.bytes_reused += length);
        } else {
            match self.restoration.reader.read(&placed.chunk) {
                Ok(content) => self.write_pieces(placed, &content)?,
                Err(error) if error.is_archived() => {
                    self.archived = Some(error.into());
                    self.looks_only = true;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.restoration.tally.count(|counts| counts.bytes_written += length);
        Ok(())
    }

    /// Fails if a chunk could not be written because it is archived.
    pub fn end(self) -> Result<(), ProblemReason> {
        self.archived.map_or(Ok(()), Err)
    }

    fn write_pieces(&self, placed: &PlacedChunk, content: &[u8]) -> Result<(), ProblemReason> {
        for (offset, range) in placed.pieces(&self.entry.holes) {
            self.file.write_at(offset, &content[range])?;
        }
        Ok(())
    }
}
