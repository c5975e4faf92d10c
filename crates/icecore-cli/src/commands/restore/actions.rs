//! Planned actions of a dry run, as the beginning of its result.

use std::io::{self, Write};

use icecore_operations::restore::{ActionDocument, RestoreDocument};
use icecore_restore::RestoreAction;

use crate::surface::{console::ResultWriter, json_array::JsonArray};

/// The list of planned actions, which is visible only after it has begun.
#[derive(Default)]
pub(super) struct Actions {
    output: Option<ResultWriter>,
    json: bool,
    array: JsonArray,
    failure: Option<io::Error>,
}

impl Actions {
    /// Begins the list on standard output.
    pub(super) fn begin(json: bool) -> Self {
        let mut actions =
            Self { output: Some(ResultWriter::new()), json, array: JsonArray::default(), failure: None };
        if json {
            actions.write(|output| output.text("{\"actions\":"));
        }
        actions
    }

    fn write(&mut self, write: impl FnOnce(&mut ResultWriter) -> io::Result<()>) {
        if let (Some(output), None) = (&mut self.output, &self.failure) {
            self.failure = write(output).err();
        }
    }

    /// Adds an action.
    pub(super) fn show(&mut self, action: RestoreAction, path: &[u8]) {
        if self.json {
            let mut array = self.array;
            self.write(|output| array.item(output, &ActionDocument::new(action, path)));
            self.array = array;
            return;
        }
        self.write(|output| {
            output.text(&format!("{:<9}", action.name()))?;
            output.name(if path.is_empty() { b"." } else { path })?;
            output.bytes(b"\n")
        });
    }

    /// Writes the JSON document of the restore after the actions; first returns an error if one of them could
    /// not be written.
    pub(super) fn close(self, document: &RestoreDocument) -> io::Result<()> {
        if let Some(error) = self.failure {
            return Err(error);
        }
        let Some(mut output) = self.output else { return Ok(()) };
        if self.json {
            let body = serde_json::to_string(document)?;
            self.array.end(&mut output)?;
            output.text(",")?;
            output.text(body.trim_start_matches('{'))?;
            output.text("\n")?;
        }
        output.flush()
    }

    /// Returns whether the document has begun.
    pub(super) fn is_begun(&self) -> bool {
        self.output.is_some()
    }
}
