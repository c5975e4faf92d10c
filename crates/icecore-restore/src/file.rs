//! Writes one file in one thread, and compares files with what they should be.

use icecore_format::entry::{ChunkRef, Content, Entry};
use icecore_fs::{
    error::FsError,
    target::{ExistingFile, TargetFile, TargetTree},
};
use icecore_repo::{manifest::ChunkListReader, reader::BlockPlan};

use crate::{
    candidate::Candidate,
    context::Context,
    deletion,
    holes::{self, HoleState},
    large,
    layout::{PlacedChunk, Placement, RecordedHoles},
    objects,
    report::ProblemReason,
    verdict::Verdict,
};

/// Writes a file anew, with those chunks of `existing` that are right.
pub(crate) fn write(
    context: &Context<'_>,
    tree: &TargetTree,
    candidate: &Candidate,
    existing: Option<&ExistingFile>,
    verdict: Verdict,
) -> Result<(), ProblemReason> {
    let entry = &candidate.entry;
    let file = create(context, tree, entry)?;
    let mut list = ChunkListReader::new(context.reader, &entry.content);
    let mut placement = Placement::new(&entry.holes);
    let mut writer = ChunkWriter::new(context, entry, &file, existing);
    while let Some(chunk) = list.next()? {
        context.check()?;
        writer.write(&placement.place(chunk))?;
    }
    writer.end()?;
    finish(context, tree, candidate, &file, verdict)
}

/// Begins a file under a temporary name.
pub(crate) fn create(
    context: &Context<'_>,
    tree: &TargetTree,
    entry: &Entry,
) -> Result<TargetFile, ProblemReason> {
    // The chunk list is read twice then, which is next to nothing beside what is on it.
    let has_holes = RecordedHoles::new(context.reader, entry).next()?.is_some();
    let size_hint = if has_holes { 0 } else { entry.size };
    Ok(tree.create_file(&entry.path, size_hint)?)
}

/// Gives a file whose content is complete its length, metadata and name, and notes that it is there.
pub(crate) fn finish(
    context: &Context<'_>,
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
        deletion::displace(context, tree, &entry.path)?;
    }
    let options = candidate.apply_options(context.request);
    let warnings = file.finish(&candidate.metadata(), &entry.attributes, &options)?;
    context.tally.warn(warnings);
    context.tally.count(|counts| counts.files_written += 1);
    objects::note_created(context, candidate, verdict);
    Ok(())
}

/// Brings a file that is there up to date: changes only its metadata if the content turns out to be right, else writes
/// it anew and fetches only the chunks that differ.
pub(crate) fn update(
    context: &Context<'_>,
    tree: &TargetTree,
    candidate: &Candidate,
    replace: bool,
) -> Result<(), ProblemReason> {
    let entry = &candidate.entry;
    let verdict = Verdict::Compare { replace };
    let Some(existing) = open(context, tree, entry) else {
        return write(context, tree, candidate, None, verdict);
    };
    if large::is_large(entry) {
        return write(context, tree, candidate, Some(&existing), verdict);
    }
    let chunks = ChunkListReader::collect(context.reader, &entry.content)?;
    let mut placement = Placement::new(&entry.holes);
    let placed: Vec<PlacedChunk> = chunks.iter().map(|chunk| placement.place(*chunk)).collect();
    let wrong = wrong_chunks(context, entry, &existing, &placed)?;
    let is_candidate = wrong.is_empty() && !replace && existing.metadata().size == entry.size;
    let holes = if is_candidate { holes::compare(context, entry, &existing)? } else { HoleState::Wrong };
    let is_right = match holes {
        HoleState::Wrong => false,
        HoleState::Right => true,
        HoleState::Differs => holes::repair(context, tree, entry, &existing)?,
    };
    if !is_right {
        fetch(context, &wrong);
        return write(context, tree, candidate, Some(&existing), verdict);
    }
    // Also after holes were made: that gives the file a new time.
    objects::fix_metadata(context, tree, candidate, false)
}

/// Says how the content of an existing file is, compared with the recorded one; reads it in one thread.
pub(crate) fn compare(
    context: &Context<'_>,
    entry: &Entry,
    existing: &ExistingFile,
) -> Result<HoleState, ProblemReason> {
    if existing.metadata().size != entry.size {
        return Ok(HoleState::Wrong);
    }
    let mut list = ChunkListReader::new(context.reader, &entry.content);
    let mut placement = Placement::new(&entry.holes);
    let mut buffer = Vec::new();
    while let Some(chunk) = list.next()? {
        context.check()?;
        if !is_reusable(context, entry, existing, &placement.place(chunk), &mut buffer) {
            return Ok(HoleState::Wrong);
        }
    }
    holes::compare(context, entry, existing)
}

/// Opens what is there; a file that cannot be read cannot be compared, but may well be replaced.
pub(crate) fn open(context: &Context<'_>, tree: &TargetTree, entry: &Entry) -> Option<ExistingFile> {
    match tree.open_existing_for_compare(&entry.path) {
        Ok(existing) => existing,
        Err(error) => {
            tracing::debug!(%error, "the file that is there cannot be compared");
            context.tally.note_aspect("comparison", &entry.path, error.source.to_string());
            None
        }
    }
}

/// Fetches the blocks of some chunks; what is missing is noticed when it is read.
pub(crate) fn fetch(context: &Context<'_>, chunks: &[ChunkRef]) {
    let mut plan = BlockPlan::default();
    for chunk in chunks {
        if plan.add(context.reader, chunk).is_err() {
            tracing::debug!(id = %chunk.id, "chunk is missing");
        }
    }
    plan.into_groups(context.reader).iter().for_each(|group| context.reader.prefetch(group));
}

/// Returns those chunks that a file does not have at their places.
pub(crate) fn wrong_chunks(
    context: &Context<'_>,
    entry: &Entry,
    file: &ExistingFile,
    chunks: &[PlacedChunk],
) -> Result<Vec<ChunkRef>, ProblemReason> {
    let mut buffer = Vec::new();
    let mut wrong = Vec::new();
    for placed in chunks {
        context.check()?;
        if !is_reusable(context, entry, file, placed, &mut buffer) {
            wrong.push(placed.chunk);
        }
    }
    Ok(wrong)
}

/// Says whether a file has a chunk at its place, and leaves what was read in `buffer`.
fn is_right(
    context: &Context<'_>,
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
    context.tally.count(|counts| counts.bytes_compared += buffer.len() as u64);
    Ok(context.keys().chunk_id(buffer) == placed.chunk.id)
}

/// As [`is_right`]; what cannot be read is not right, and is had from the repository.
fn is_reusable(
    context: &Context<'_>,
    entry: &Entry,
    file: &ExistingFile,
    placed: &PlacedChunk,
    buffer: &mut Vec<u8>,
) -> bool {
    is_right(context, entry, file, placed, buffer).unwrap_or_else(|error| {
        tracing::debug!(%error, "a part of the file that is there cannot be read");
        false
    })
}

/// Reads a restored file from the disk again, and compares it with the snapshot.
pub(crate) fn read_back(
    context: &Context<'_>,
    tree: &TargetTree,
    entry: &Entry,
) -> Result<(), ProblemReason> {
    let Some(file) = tree.open_existing_for_compare(&entry.path)? else {
        return Err(ProblemReason::ReadBack);
    };
    file.drop_cache()?;
    match compare(context, entry, &file)? {
        HoleState::Wrong => Err(ProblemReason::ReadBack),
        HoleState::Right | HoleState::Differs => Ok(()),
    }
}

/// Writes chunks into a file: from the file that was there before if it has them, else from the repository.
///
/// Behind a chunk in an archived pack nothing more is written. The rest is only looked at, so that all archived packs are
/// known and not the first one alone.
pub(crate) struct ChunkWriter<'a> {
    context: &'a Context<'a>,
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
        context: &'a Context<'a>,
        entry: &'a Entry,
        file: &'a TargetFile,
        existing: Option<&'a ExistingFile>,
    ) -> Self {
        Self { context, entry, file, existing, buffer: Vec::new(), looks_only: false, archived: None }
    }

    /// Writes nothing from here on, because another part of the file is archived.
    pub fn look_only(&mut self) {
        self.looks_only = true;
    }

    /// Writes one chunk to its place, unless an earlier one was archived.
    pub fn write(&mut self, placed: &PlacedChunk) -> Result<(), ProblemReason> {
        if placed.chunk.is_hole() {
            // What is not written is a hole.
            return Ok(());
        }
        let is_reused = self.existing.is_some_and(|existing| {
            is_reusable(self.context, self.entry, existing, placed, &mut self.buffer)
        });
        if self.looks_only {
            if !is_reused {
                self.context.reader.probe(&placed.chunk);
            }
            return Ok(());
        }
        let length = u64::from(placed.chunk.length);
        if is_reused {
            self.write_pieces(placed, &self.buffer)?;
            self.context.tally.count(|counts| counts.bytes_reused += length);
        } else {
            match self.context.reader.read(&placed.chunk) {
                Ok(content) => self.write_pieces(placed, &content)?,
                Err(error) if error.is_archived() => {
                    self.archived = Some(error.into());
                    self.looks_only = true;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.context.tally.count(|counts| counts.bytes_written += length);
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
