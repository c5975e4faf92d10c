//! `ls`: lists what is in a snapshot.

use icecore_access::AccessMode;
use icecore_format::{
    entry::{Entry, EntryKind},
    path,
    snapshot::Snapshot,
};
use icecore_repo::{
    manifest::{ManifestCursor, ManifestRoot},
    reader::ChunkReader,
};

use super::entries::{
    EntryDocument, MANIFEST_CACHE_BYTES, find_snapshot, flag_names, parse_reference, path_not_found,
    write_columns,
};
use crate::{
    arguments::inspect::LsArguments,
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus},
    surface::{console::ResultWriter, requests},
    watch::Look,
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &LsArguments) -> Outcome<ExitStatus> {
    let reference = parse_reference(&arguments.reference)?;
    let mut open = context.access.open(AccessMode::Read)?;
    let look = Look::begin(context, &mut open, arguments.rollback)?;
    let (snapshot, root) = find_snapshot(context, &look, &reference)?;
    let reader = open.reader(context.access.events.as_ref(), &[&snapshot], MANIFEST_CACHE_BYTES)?;
    let mut listing = Listing::new(context, arguments.long);
    let result = list(context, &reader, &root, &snapshot, &reference.path, arguments.recursive, &mut listing);
    // What was listed before a failure is shown, and a JSON document is brought to its end.
    listing.finish()?;
    requests::tell_calls(&context.console, &open.usage);
    result.map(|()| ExitStatus::Done)
}

fn list(
    context: &Context,
    reader: &ChunkReader,
    root: &ManifestRoot,
    snapshot: &Snapshot,
    directory: &[u8],
    recursive: bool,
    listing: &mut Listing<'_>,
) -> Outcome<()> {
    let mut cursor = ManifestCursor::new(reader, root);
    cursor.seek(directory)?;
    match cursor.peek()?.map(|entry| (entry.path == directory, entry.kind)) {
        Some((true, EntryKind::Directory)) => {
            cursor.next()?;
        }
        // A snapshot of a single object or a stream has no directory around it.
        _ if directory.is_empty() => {}
        Some((true, _)) => {
            let Some(entry) = cursor.next()? else { return Ok(()) };
            return listing.show(&cursor, &entry);
        }
        _ => return Err(path_not_found(snapshot, directory)),
    }
    let mut behind = Vec::new();
    while let Some(entry) = cursor.next()? {
        if !path::is_within(&entry.path, directory) {
            break;
        }
        if context.access.machine.is_cancelled() {
            return Err(Failure::interrupted());
        }
        listing.show(&cursor, &entry)?;
        if !recursive && entry.kind == EntryKind::Directory {
            // Zero sorts before every byte of a name, and after the separator: this is behind the directory's content.
            behind.clear();
            behind.extend_from_slice(&entry.path);
            behind.push(0);
            cursor.seek(&behind)?;
        }
    }
    Ok(())
}

/// Writes entries one after the other.
struct Listing<'a> {
    context: &'a Context,
    long: bool,
    output: ResultWriter,
    shown: u64,
    line: String,
}

impl<'a> Listing<'a> {
    fn new(context: &'a Context, long: bool) -> Self {
        Self { context, long, output: ResultWriter::new(), shown: 0, line: String::new() }
    }

    fn show(&mut self, cursor: &ManifestCursor<'_>, entry: &Entry) -> Outcome<()> {
        self.shown += 1;
        if self.context.console.json {
            self.output.text(if self.shown == 1 { "[" } else { ",\n" })?;
            let names = cursor.owner_names(entry.user_id, entry.group_id);
            return self.output.json(&EntryDocument::new(entry, names));
        }
        if self.long {
            let names = cursor.owner_names(entry.user_id, entry.group_id);
            write_columns(&mut self.line, entry, names, &self.context.access.machine.zone);
            self.output.text(&self.line)?;
        }
        // A source that is a single object has an empty path.
        self.output.name(if entry.path.is_empty() { b"." } else { &entry.path })?;
        if self.long && entry.kind == EntryKind::Symlink {
            self.output.text(" -> ")?;
            self.output.name(&entry.target)?;
        }
        if self.long && entry.inode_flags != 0 {
            self.output.text(&format!("  ({})", flag_names(entry.inode_flags).join(", ")))?;
        }
        self.output.bytes(b"\n")
    }

    fn finish(mut self) -> Outcome<()> {
        if self.context.console.json {
            self.output.text(if self.shown == 0 { "[]\n" } else { "]\n" })?;
        }
        self.output.finish()
    }
}
