//! The differences that `diff` shows, as text or JSON.

use std::io::{self, Write};

use icecore_access::Usage;
use icecore_operations::{
    diff::{ChangeDocument, DiffReport, DiffSink, Difference, path_of},
    text,
};
use icecore_repo::manifest::Change;

use crate::surface::{
    console::{Console, ResultWriter},
    json_array::JsonArray,
    requests,
};

/// Writes differences one after the other.
pub(super) struct Listing<'a> {
    console: &'a Console,
    output: ResultWriter,
    array: JsonArray,
}

impl<'a> Listing<'a> {
    /// Begins with nothing.
    pub(super) fn new(console: &'a Console) -> Self {
        Self { console, output: ResultWriter::new(), array: JsonArray::default() }
    }
}

impl DiffSink for Listing<'_> {
    fn change(&mut self, change: &Change, what: Option<Difference>) -> io::Result<()> {
        if self.console.json {
            return self.array.item(&mut self.output, &ChangeDocument::new(change, what));
        }
        let letter = match change {
            Change::Added(_) => "A",
            Change::Removed(_) => "D",
            Change::Modified { .. } => "M",
        };
        let path = path_of(change);
        self.output.text(&format!("{letter} {:<8} ", what.map_or("", Difference::name)))?;
        self.output.name(if path.is_empty() { b"." } else { path })?;
        self.output.bytes(b"\n")
    }

    fn end(&mut self, usage: &Usage) -> io::Result<()> {
        if self.console.json {
            self.array.end(&mut self.output)?;
            self.output.text("\n")?;
        }
        self.output.flush()?;
        requests::tell_calls(self.console, usage);
        Ok(())
    }
}

/// Returns the summary of a comparison.
pub(super) fn summary(report: &DiffReport) -> String {
    let count = text::count;
    format!(
        "{} added, {} deleted, {} modified",
        count(report.added),
        count(report.deleted),
        count(report.modified)
    )
}
