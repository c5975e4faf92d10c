//! `cat`: writes a file of a snapshot to standard output.

use std::io::{self, Write};

use icecore_access::AccessMode;
use icecore_format::entry::{Entry, EntryKind};
use icecore_repo::{manifest::ManifestCursor, reader::ChunkReader};
use icecore_restore::{RestoreError, write_content};

use super::entries::{
    EntryDocument, find_snapshot, kind_name, parse_reference, path_not_found, warn_of_marks,
};
use crate::{
    arguments::inspect::CatArguments,
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus},
    surface::{console::ResultWriter, requests},
    watch::Look,
};
use icecore_operations::{documents::base64, text};

/// Opened blocks that are kept, in bytes: room for what is fetched ahead.
const CACHE_BYTES: usize = 64 << 20;

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &CatArguments) -> Outcome<ExitStatus> {
    let reference = parse_reference(&arguments.reference)?;
    let mut open = context.access.open(AccessMode::Read)?;
    let look = Look::begin(context, &mut open, arguments.rollback)?;
    let (snapshot, root) = find_snapshot(context, &look, &reference)?;
    let reader = open.reader(context.access.events.as_ref(), &[&snapshot], CACHE_BYTES)?;
    let found = if reference.path.is_empty() && root.totals.entries == 1 {
        // A snapshot of a stream or of a single file: there is only one thing that can be meant.
        ManifestCursor::new(&reader, &root).next()?
    } else {
        ManifestCursor::new(&reader, &root).find(&reference.path)?
    };
    let Some(entry) = found else { return Err(path_not_found(&snapshot, &reference.path)) };
    if entry.kind != EntryKind::File {
        let (id, kind) = (snapshot.origin.run.snapshot_id(), kind_name(entry.kind));
        let what = text::quoted(&reference.path);
        return Err(Failure::new(ExitStatus::Failed, format!("{what} is no file, but a {kind}"))
            .hint(format!("name a file: {id}:PATH; `icecore ls {id} --recursive` shows what there is")));
    }
    warn_of_marks(&context.console, &entry);
    let mut output = ResultWriter::new();
    let result = if context.console.json {
        write_json(&reader, &entry, &mut output)
    } else {
        write_raw(&reader, &entry, &mut output)
    };
    let finished = output.finish();
    requests::tell_calls(&context.console, &open.usage);
    result.and(finished).map(|()| ExitStatus::Done)
}

fn write_raw(reader: &ChunkReader, entry: &Entry, output: &mut ResultWriter) -> Outcome<()> {
    write_content(reader, entry, output).map(|_| ()).map_err(failure_of)
}

/// Writes the file as a JSON document, its content in base64, without holding it in memory.
fn write_json(reader: &ChunkReader, entry: &Entry, output: &mut ResultWriter) -> Outcome<()> {
    let body = serde_json::to_string(&EntryDocument::new(entry, (None, None)))
        .map_err(|error| Failure::output(&error.into()))?;
    // The fields of the entry, then one more.
    output.text(body.trim_end_matches('}'))?;
    output.text(",\"content_base64\":\"")?;
    let mut encoder = Base64Writer { output, rest: Vec::new() };
    let result = write_content(reader, entry, &mut encoder).map(|_| ()).map_err(failure_of);
    let Base64Writer { output, rest } = encoder;
    output.text(&base64(&rest))?;
    output.text("\"}\n")?;
    result
}

fn failure_of(error: RestoreError) -> Failure {
    match error {
        RestoreError::Output { source } => Failure::output(&source),
        other => other.into(),
    }
}

/// Encodes what is written to it; keeps the last bytes until there are three of them.
struct Base64Writer<'a> {
    output: &'a mut ResultWriter,
    rest: Vec<u8>,
}

impl Write for Base64Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest.extend_from_slice(bytes);
        let whole = self.rest.len() / 3 * 3;
        self.output.write_all(base64(&self.rest[..whole]).as_bytes())?;
        self.rest.drain(..whole);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
