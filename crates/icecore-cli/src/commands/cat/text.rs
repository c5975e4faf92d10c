//! The content that `cat` writes, unchanged or in a JSON document.

use std::io::{self, Write};

use icecore_access::Usage;
use icecore_format::entry::{Entry, Marks};
use icecore_operations::{cat::CatSink, documents::base64, entries::EntryDocument, text};

use crate::surface::{
    console::{Console, ResultWriter},
    requests,
};

/// Writes the content of a file; in JSON as base64, without holding it in memory.
pub(super) struct ContentWriter<'a> {
    console: &'a Console,
    writer: ResultWriter,
    /// The last bytes, which are encoded when there are three of them.
    rest: Vec<u8>,
}

impl<'a> ContentWriter<'a> {
    /// Begins with nothing.
    pub(super) fn new(console: &'a Console) -> Self {
        Self { console, writer: ResultWriter::new(), rest: Vec::new() }
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.console.json {
            self.writer.text(&base64(&self.rest))?;
            self.writer.text("\"}\n")?;
        }
        self.writer.flush()
    }
}

impl CatSink for ContentWriter<'_> {
    fn begin(&mut self, entry: &Entry, owner_names: (Option<&[u8]>, Option<&[u8]>)) -> io::Result<()> {
        warn_of_marks(self.console, entry);
        if !self.console.json {
            return Ok(());
        }
        let body = serde_json::to_string(&EntryDocument::new(entry, owner_names))?;
        // The fields of the entry, then another one.
        self.writer.text(body.trim_end_matches('}'))?;
        self.writer.text(",\"content_base64\":\"")
    }

    fn end(&mut self, usage: &Usage) -> io::Result<()> {
        let finished = self.finish();
        requests::tell_calls(self.console, usage);
        finished
    }
}

impl Write for ContentWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.console.json {
            return self.writer.write(bytes);
        }
        self.rest.extend_from_slice(bytes);
        let whole = self.rest.len() / 3 * 3;
        self.writer.write_all(base64(&self.rest[..whole]).as_bytes())?;
        self.rest.drain(..whole);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Warns about entries that differ from the source.
fn warn_of_marks(console: &Console, entry: &Entry) {
    let path = text::quoted(&entry.path);
    if entry.marks.contains(Marks::CHANGED_WHILE_READ) {
        console
            .warning(&format!("{path} changed while it was backed up: its content may mix several states"));
    }
}
