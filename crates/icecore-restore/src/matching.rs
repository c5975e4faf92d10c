//! Makes sure that the include patterns match something, before anything is changed.

use icecore_format::{entry::EntryKind, path};
use icecore_repo::{manifest::ManifestCursor, reader::ChunkReader};

use crate::{
    error::{RestoreError, RestoreResult},
    names::name_of,
    request::RestoreRequest,
    selection::root_of,
};

/// Entries between two checks of the request to stop.
const ENTRIES_PER_LOOK: u64 = 1024;

/// Fails if there are patterns, and no entry of the snapshot (nor of the older one) matches any of them.
///
/// Reads the manifest up to the first match.
pub(crate) fn require_match(reader: &ChunkReader, request: &RestoreRequest) -> RestoreResult<()> {
    if request.include.is_empty() {
        return Ok(());
    }
    for snapshot in [&request.snapshot].into_iter().chain(request.since.as_ref()) {
        let mut cursor = ManifestCursor::new(reader, &root_of(snapshot)?);
        match is_anything_included(reader, request, &mut cursor) {
            Ok(false) => {}
            Ok(true) => return Ok(()),
            // Unreadable entries may match; the restore reports the damage.
            Err(error) if error.is_corruption() => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Err(RestoreError::NothingIncluded { run: request.snapshot.origin.run })
}

fn is_anything_included(
    reader: &ChunkReader,
    request: &RestoreRequest,
    cursor: &mut ManifestCursor<'_>,
) -> RestoreResult<bool> {
    let mut looked_at = 0_u64;
    cursor.seek(&request.path)?;
    while let Some(entry) = cursor.next()? {
        if !path::is_within(&entry.path, &request.path) {
            break;
        }
        if looked_at.is_multiple_of(ENTRIES_PER_LOOK) {
            reader.repository().environment().proceed()?;
        }
        looked_at += 1;
        let is_directory = entry.kind == EntryKind::Directory;
        let below = entry.path.get(request.path.len()..).unwrap_or_default();
        let relative = match below.strip_prefix(b"/").unwrap_or(below) {
            // A single object is known by its name.
            [] if !is_directory => name_of(&entry.path),
            relative => relative,
        };
        if request.include.is_included(relative, is_directory) {
            return Ok(true);
        }
    }
    Ok(false)
}
