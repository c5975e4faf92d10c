//! Finds the file and writes its content.

use std::io::{self, Write};

use icecore_access::{AccessMode, RepositoryAccess, Usage};
use icecore_format::{
    entry::{Entry, EntryKind},
    snapshot::Snapshot,
};
use icecore_repo::{
    manifest::{ManifestCursor, ManifestRoot},
    reader::ChunkReader,
};
use icecore_restore::{RestoreError, write_content};
use icecore_witness::WitnessSettings;

use super::CatRequest;
use crate::{
    error::{OperationError, OperationResult},
    look::Look,
    reading::{self, Reading},
};

/// Opened blocks that are kept, in bytes: room for blocks that are fetched ahead.
const CACHE_BYTES: usize = 64 << 20;

/// Receives a file by writing.
pub trait CatSink: Write {
    /// Receives the file whose content comes next, and the names of its user and group, if they are known.
    fn begin(&mut self, entry: &Entry, owner_names: (Option<&[u8]>, Option<&[u8]>)) -> io::Result<()>;

    /// Receives the end of content that has begun, even after a failure, with the usage of the store.
    fn end(&mut self, usage: &Usage) -> io::Result<()>;
}

/// Writes a file of a snapshot.
pub fn run(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    request: &CatRequest,
    sink: &mut impl CatSink,
) -> OperationResult<()> {
    let mut open = access.open(AccessMode::Read)?;
    let look = Look::begin(access, witness, &mut open, request.ignores_rollback)?;
    let (snapshot, root) = look.find(&request.reference)?;
    let reader = open.reader(access.events.as_ref(), &[&snapshot], CACHE_BYTES)?;
    let (run, path) = (snapshot.origin.run, request.reference.path.as_slice());
    // A stream may be very long.
    let written = Reading::new(access, &open, "cat")
        .hold_while(&[run], || write(&reader, &snapshot, &root, path, &open.usage, sink));
    written.map_err(|error| reading::explained(&mut open, run, error))
}

fn write(
    reader: &ChunkReader,
    snapshot: &Snapshot,
    root: &ManifestRoot,
    path: &[u8],
    usage: &Usage,
    sink: &mut impl CatSink,
) -> OperationResult<()> {
    let mut cursor = ManifestCursor::new(reader, root);
    // In a snapshot of a stream or of a single file, there is only one file.
    let is_single = path.is_empty() && root.totals.entries == 1;
    if !is_single {
        cursor.seek(path)?;
    }
    let found = cursor.next()?.filter(|entry| is_single || entry.path == path);
    let Some(entry) = found else { return Err(OperationError::path_not_found(snapshot, path)) };
    if entry.kind != EntryKind::File {
        let (id, kind) = (snapshot.origin.run.snapshot_id(), entry.kind);
        return Err(OperationError::NotFile { id, path: path.to_owned(), kind });
    }
    let owner_names = cursor.owner_names(entry.user_id, entry.group_id);
    let written = sink.begin(&entry, owner_names).map_err(OperationError::Output).and_then(|()| {
        write_content(reader, &entry, sink).map(|_| ()).map_err(|error| match error {
            RestoreError::Output { source } => OperationError::Output(source),
            error => error.into(),
        })
    });
    let ended = sink.end(usage).map_err(OperationError::Output);
    written.and(ended)
}
