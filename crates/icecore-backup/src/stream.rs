//! A source that is a stream becomes the only file of a snapshot.

use std::{io, sync::Arc};

use crossbeam_channel::{Sender, bounded};
use icecore_format::entry::{Entry, EntryKind};
use icecore_fs::names::process_owner;

use crate::{
    empty::refuse_empty_stream,
    error::{BackupError, BackupResult},
    reading::{
        chunk_tools::ChunkTools,
        cutter::{ConsumerGone, SegmentCutter},
        job::{SEGMENTS_AHEAD, Segment},
    },
    sink::{AllEntries, Sink},
};

/// Stores a stream as the only file of a snapshot.
pub(crate) fn store<'a, 'c>(
    mut sink: Sink<'a, 'c>,
    allow_empty: bool,
    file_name: Vec<u8>,
    mut input: Box<dyn io::Read + Send>,
    finish: Box<dyn FnOnce() -> Result<(), String> + Send>,
) -> BackupResult<AllEntries<'a, 'c>> {
    let (sender, segments) = bounded(SEGMENTS_AHEAD);
    let tools = Arc::clone(sink.tools());
    // Not a scoped thread: after an interruption, nobody waits for a stream that may never end.
    let thread = std::thread::spawn(move || read(input.as_mut(), &sender, &tools));
    let chunks = sink.take_stream(&segments)?;
    drop(segments);
    let bytes = match thread.join() {
        Ok(Ok(length)) => length,
        Ok(Err(source)) => return Err(BackupError::Stream { source }),
        Err(_) => return Err(BackupError::StageLost { stage: "read" }),
    };
    finish().map_err(|reason| BackupError::Command { reason })?;
    // The error of a failed command is more helpful than its empty output.
    refuse_empty_stream(allow_empty, bytes)?;
    let now = sink.session().repository().environment().now();
    let mut entry = Entry::new(file_name, EntryKind::File);
    (entry.mode, entry.modified, entry.changed) = (0o600, now, now);
    (entry.user_id, entry.group_id) = process_owner();
    sink.push_stream(entry, chunks)?;
    Ok(sink.end()?.0)
}

/// Reads a stream to its end and sends its segments; returns its length, or the error that ended it.
fn read(input: &mut dyn io::Read, segments: &Sender<Segment>, tools: &ChunkTools) -> io::Result<u64> {
    let gone = |_: ConsumerGone| io::Error::from(io::ErrorKind::BrokenPipe);
    let mut cutter = SegmentCutter::new(tools, segments);
    let mut length = 0;
    loop {
        match input.read(cutter.room()) {
            Ok(0) => break,
            Ok(read) => {
                length += read as u64;
                cutter.advance(read).map_err(gone)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    cutter.finish().map_err(gone)?;
    Ok(length)
}
