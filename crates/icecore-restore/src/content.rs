//! The content of one file as a stream.

use std::io::Write;

use crossbeam_channel::Sender;
use icecore_format::entry::{Entry, EntryKind, Marks};
use icecore_repo::{
    error::{RepoError, RepoResult},
    manifest::ChunkListReader,
    reader::{BlockPlan, ChunkReader},
};

use crate::{
    error::{RestoreError, RestoreResult},
    layout::{PlacedChunk, Placement},
};

/// Blocks are fetched ahead in steps of this many bytes, if the reader's cache has room.
const STEP_BYTES_MAX: u64 = 16 << 20;
/// Threads that fetch one step.
const STEP_THREADS: usize = 4;
/// Maximum number of chunks of one step.
const STEP_CHUNKS_MAX: usize = 4096;

static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// Writes the content of a file to a stream, holes as zeros; returns the number of bytes.
///
/// While one part is written, the next ones are fetched. The reader's cache should have room for three steps
/// of 16 MiB.
pub fn write_content(reader: &ChunkReader, entry: &Entry, output: &mut dyn Write) -> RestoreResult<u64> {
    let reason = if entry.kind != EntryKind::File {
        "it is not a file"
    } else if entry.marks.contains(Marks::UNREADABLE) {
        "it could not be read when the backup was made"
    } else {
        let mut stream = Stream { reader, entry, output, position: 0 };
        stream.write_all()?;
        return Ok(stream.position);
    };
    Err(RestoreError::NoContent { path: entry.path.clone(), reason })
}

struct Stream<'a> {
    reader: &'a ChunkReader,
    entry: &'a Entry,
    output: &'a mut dyn Write,
    position: u64,
}

impl Stream<'_> {
    fn write_all(&mut self) -> RestoreResult<()> {
        let (reader, entry) = (self.reader, self.entry);
        std::thread::scope(|scope| {
            // One step is being written, one waits, one is being fetched.
            let (sender, steps) = crossbeam_channel::bounded(1);
            scope.spawn(move || {
                if let Err(error) = fetch_steps(reader, entry, &sender) {
                    // If the output has failed, there is no receiver.
                    drop(sender.send(Err(error)));
                }
            });
            for step in steps {
                for placed in step? {
                    self.write_chunk(&placed)?;
                }
            }
            self.write_zeros(entry.size)
        })?;
        self.output.flush().map_err(|source| RestoreError::Output { source })
    }

    fn write_chunk(&mut self, placed: &PlacedChunk) -> RestoreResult<()> {
        if placed.chunk.is_hole() {
            let pieces = placed.pieces(&self.entry.holes);
            let end = pieces.map(|(offset, range)| offset.saturating_add(range.len() as u64)).last();
            return self.write_zeros(end.unwrap_or(self.position));
        }
        let content = self.reader.read(&placed.chunk)?;
        for (offset, range) in placed.pieces(&self.entry.holes) {
            self.write_zeros(offset)?;
            self.write(&content[range])?;
        }
        Ok(())
    }

    /// Writes zeros up to a position.
    fn write_zeros(&mut self, end: u64) -> RestoreResult<()> {
        while self.position < end {
            let count = (end - self.position).min(ZEROS.len() as u64) as usize;
            self.write(&ZEROS[..count])?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> RestoreResult<()> {
        self.reader.repository().environment().proceed()?;
        self.output.write_all(bytes).map_err(|source| RestoreError::Output { source })?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

/// Fetches the blocks of the file step by step, and passes on the chunks that are available.
fn fetch_steps(
    reader: &ChunkReader,
    entry: &Entry,
    steps: &Sender<RepoResult<Vec<PlacedChunk>>>,
) -> Result<(), RepoError> {
    let step_bytes = STEP_BYTES_MAX.min(reader.cache_bytes_max() as u64 / 4);
    let mut list = ChunkListReader::new(reader, &entry.content);
    let mut placement = Placement::new(&entry.holes);
    let (mut plan, mut step) = (BlockPlan::default(), Vec::new());
    while let Some(chunk) = list.next()? {
        // A missing chunk is reported by its reader, after everything before it is written.
        if plan.add(reader, &chunk).is_err() {
            tracing::debug!(id = %chunk.id, "chunk is missing");
        }
        step.push(placement.place(chunk));
        if plan.bytes() >= step_bytes || step.len() >= STEP_CHUNKS_MAX {
            std::mem::take(&mut plan).fetch(reader, STEP_THREADS);
            if steps.send(Ok(std::mem::take(&mut step))).is_err() {
                return Ok(());
            }
        }
    }
    plan.fetch(reader, STEP_THREADS);
    // The receiver is closed only if the output has failed.
    drop(steps.send(Ok(step)));
    Ok(())
}
