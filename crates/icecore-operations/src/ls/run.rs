//! Walks through the manifest.

use std::io;

use icecore_access::{AccessMode, RepositoryAccess, Usage};
use icecore_format::{
    entry::{Entry, EntryKind},
    path,
    snapshot::Snapshot,
};
use icecore_repo::manifest::ManifestCursor;
use icecore_witness::WitnessSettings;

use super::LsRequest;
use crate::{
    entries::{EntryDocument, MANIFEST_CACHE_BYTES},
    error::{OperationError, OperationResult},
    look::Look,
};

/// Receives the entries of a listing.
pub trait LsSink {
    /// Receives the next entry, in path order.
    fn entry(&mut self, entry: &ListedEntry<'_, '_>) -> io::Result<()>;

    /// Receives the end of a listing that has begun, even after a failure, with the usage of the store.
    fn end(&mut self, usage: &Usage) -> io::Result<()>;
}

/// An entry with access to the names of its owner.
#[derive(Debug)]
pub struct ListedEntry<'a, 'r> {
    /// The entry.
    pub entry: &'a Entry,
    cursor: &'a ManifestCursor<'r>,
}

impl<'a> ListedEntry<'a, '_> {
    /// Returns the names of its user and group, if known.
    pub fn owner_names(&self) -> (Option<&'a [u8]>, Option<&'a [u8]>) {
        self.cursor.owner_names(self.entry.user_id, self.entry.group_id)
    }

    /// Returns the entry for JSON.
    pub fn document(&self) -> EntryDocument {
        EntryDocument::new(self.entry, self.owner_names())
    }
}

/// Lists a directory of a snapshot, or one object.
pub fn run(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    request: &LsRequest,
    sink: &mut impl LsSink,
) -> OperationResult<()> {
    let mut open = access.open(AccessMode::Read)?;
    let look = Look::begin(access, witness, &mut open, request.ignores_rollback)?;
    let (snapshot, root) = look.find(&request.reference)?;
    let reader = open.reader(access.events.as_ref(), &[&snapshot], MANIFEST_CACHE_BYTES)?;
    let listed = list(access, ManifestCursor::new(&reader, &root), &snapshot, request, sink);
    sink.end(&open.usage).map_err(OperationError::Output)?;
    listed
}

fn list(
    access: &RepositoryAccess,
    mut cursor: ManifestCursor<'_>,
    snapshot: &Snapshot,
    request: &LsRequest,
    sink: &mut impl LsSink,
) -> OperationResult<()> {
    let directory = request.reference.path.as_slice();
    cursor.seek(directory)?;
    match cursor.peek()?.map(|entry| (entry.path == directory, entry.kind)) {
        Some((true, EntryKind::Directory)) => {
            cursor.next()?;
        }
        // A snapshot of a single object or a stream has no directory around it.
        _ if directory.is_empty() => {}
        Some((true, _)) => {
            let Some(entry) = cursor.next()? else { return Ok(()) };
            return show(&entry, &cursor, sink);
        }
        _ => return Err(OperationError::path_not_found(snapshot, directory)),
    }
    let mut behind = Vec::new();
    while let Some(entry) = cursor.next()? {
        if !path::is_within(&entry.path, directory) {
            break;
        }
        if access.machine.is_cancelled() {
            return Err(OperationError::Interrupted);
        }
        show(&entry, &cursor, sink)?;
        if !request.recursive && entry.kind == EntryKind::Directory {
            // Zero sorts before every byte of a name, and after the separator, so this path comes after the
            // directory's content.
            behind.clear();
            behind.extend_from_slice(&entry.path);
            behind.push(0);
            cursor.seek(&behind)?;
        }
    }
    Ok(())
}

fn show(entry: &Entry, cursor: &ManifestCursor<'_>, sink: &mut impl LsSink) -> OperationResult<()> {
    sink.entry(&ListedEntry { entry, cursor }).map_err(OperationError::Output)
}
