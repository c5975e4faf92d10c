//! Standard output for results, standard error for everything else.

use std::{
    io::{self, BufWriter, IsTerminal, Stdout, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::failure::{Failure, Outcome, advice::Side};
use icecore_operations::text;

/// Bytes that are collected before they are written to standard output.
const OUTPUT_BUFFER_BYTES: usize = 128 << 10;

/// How much to report besides the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Failures only; no summaries.
    Quiet,
    /// Summaries, warnings, notices.
    Normal,
    /// Decisions of the program, and requests to the store.
    Verbose,
    /// Everything.
    Debug,
}

/// The two output streams of the process.
#[derive(Debug)]
pub(crate) struct Console {
    /// Results are JSON documents, messages JSON lines.
    pub(crate) json: bool,
    /// How much to report.
    pub(crate) verbosity: Verbosity,
    bar: Mutex<BarState>,
}

/// The last line of the terminal, which must be hidden while anything else is written to standard error.
#[derive(Debug, Default)]
struct BarState {
    /// The bar, if there is anything to show.
    bar: Option<ProgressBar>,
    /// Whether some work shows its progress.
    has_progress: bool,
    /// Whether a wait is shown, which matters more than the progress.
    is_waiting: bool,
}

impl BarState {
    fn show(&mut self, message: String) {
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        bar.set_message(message);
        bar.tick();
    }

    /// Removes the bar unless it is still needed.
    fn settle(&mut self) {
        if !self.has_progress
            && !self.is_waiting
            && let Some(bar) = self.bar.take()
        {
            bar.finish_and_clear();
        }
    }
}

#[derive(Serialize)]
struct ErrorDocument<'a> {
    error: ErrorBody<'a>,
}

/// A failure in JSON documents.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody<'a> {
    message: &'a str,
    hint: Option<String>,
    code: u8,
}

impl<'a> From<&'a Failure> for ErrorBody<'a> {
    fn from(failure: &'a Failure) -> Self {
        Self {
            message: &failure.message,
            hint: failure.hint.clone().map(String::from),
            code: failure.status.code(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum MessageDocument<'a> {
    Warning { message: &'a str },
    Notice { message: &'a str },
}

impl Console {
    /// Makes the console of a command.
    pub(crate) fn new(json: bool, verbosity: Verbosity) -> Self {
        Self { json, verbosity, bar: Mutex::default() }
    }

    /// Reports a problem.
    pub(crate) fn warning(&self, message: &str) {
        if self.json {
            self.error_document(&MessageDocument::Warning { message });
        } else {
            self.error_line(&format!("warning: {message}"));
        }
    }

    /// Reports a notice, unless the user wants quiet.
    pub(crate) fn notice(&self, message: &str) {
        if self.verbosity == Verbosity::Quiet {
            return;
        }
        if self.json {
            self.error_document(&MessageDocument::Notice { message });
        } else {
            self.error_line(&format!("note: {message}"));
        }
    }

    /// Reports a notice as a document, or as text, unless the user wants quiet.
    pub(crate) fn notice_document(&self, document: &impl Serialize, text: &str) {
        match (self.verbosity, self.json) {
            (Verbosity::Quiet, _) => {}
            (_, true) => self.error_document(document),
            (_, false) => self.error_line(text),
        }
    }

    /// Reports why the command, or a part of it, failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        if failure.output_closed {
            return;
        }
        if self.json {
            self.error_document(&ErrorDocument { error: failure.into() });
            return;
        }
        self.error_line(&format!("error: {}", failure.message));
        if let Some(hint) = &failure.hint {
            self.error_line(&format!("hint: {}", hint.text(Side::Own)));
        }
    }

    /// Writes a line to standard error; if that fails, the error cannot be reported.
    pub(crate) fn error_line(&self, line: &str) {
        self.write_error(format!("{}\n", text::printable_message(line)).as_bytes());
    }

    /// Writes a document as a line to standard error.
    pub(crate) fn error_document(&self, document: &impl Serialize) {
        if let Ok(mut line) = serde_json::to_vec(document) {
            line.push(b'\n');
            self.write_error(&line);
        }
    }

    /// Writes bytes to standard error, and hides the progress bar meanwhile.
    pub(crate) fn write_error(&self, bytes: &[u8]) {
        let write = || {
            io::stderr().lock().write_all(bytes).unwrap_or_default();
        };
        match self.lock_bar().bar.as_ref() {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Begins to show the progress of some work on a bar.
    pub(crate) fn begin_bar(&self) {
        self.lock_bar().has_progress = true;
    }

    /// Shows the progress of the work, unless a wait is shown.
    pub(crate) fn set_bar_message(&self, message: String) {
        let mut state = self.lock_bar();
        if !state.is_waiting {
            state.show(message);
        }
    }

    /// Ends the display of progress.
    pub(crate) fn end_bar(&self) {
        let mut state = self.lock_bar();
        state.has_progress = false;
        state.settle();
    }

    /// Shows a wait on the bar, or that there is none.
    pub(crate) fn set_waiting(&self, message: Option<String>) {
        let mut state = self.lock_bar();
        state.is_waiting = message.is_some();
        match message {
            Some(message) => state.show(message),
            None => state.settle(),
        }
    }

    fn lock_bar(&self) -> MutexGuard<'_, BarState> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the summary of a command, unless the user wants quiet.
    pub(crate) fn summary(&self, text: &str) -> Outcome<()> {
        self.try_summary(text).map_err(|error| Failure::output(&error))
    }

    /// Does the same, and returns the unchanged error of standard output.
    pub(crate) fn try_summary(&self, text: &str) -> io::Result<()> {
        if self.verbosity == Verbosity::Quiet { Ok(()) } else { ResultWriter::try_print(text) }
    }
}

/// Standard output with a large buffer.
#[derive(Debug)]
pub(crate) struct ResultWriter {
    output: BufWriter<Stdout>,
    /// Names are written unchanged, unless a person looks at them.
    is_terminal: bool,
}

impl ResultWriter {
    /// Begins with an empty buffer.
    pub(crate) fn new() -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        Self { output: BufWriter::with_capacity(OUTPUT_BUFFER_BYTES, stdout), is_terminal }
    }

    /// Writes a document that is the complete result of a command.
    pub(crate) fn document(document: &impl Serialize) -> Outcome<()> {
        Self::whole(|output| {
            output.json(document)?;
            output.text("\n")
        })
    }

    /// Writes a text that is the complete result of a command.
    pub(crate) fn print(text: &str) -> Outcome<()> {
        Self::whole(|output| output.text(text))
    }

    /// Does the same, and returns the unchanged error of standard output.
    pub(crate) fn try_print(text: &str) -> io::Result<()> {
        Self::try_whole(|output| output.text(text))
    }

    /// Writes the complete result of a command.
    pub(crate) fn whole(write: impl FnOnce(&mut Self) -> io::Result<()>) -> Outcome<()> {
        Self::try_whole(write).map_err(|error| Failure::output(&error))
    }

    fn try_whole(write: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        let mut output = Self::new();
        write(&mut output)?;
        output.flush()
    }

    /// Writes text unchanged.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.bytes(text.as_bytes())
    }

    /// Writes bytes unchanged.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.output.write_all(bytes)
    }

    /// Writes a name: unchanged into files and pipes, escaped on a terminal.
    pub(crate) fn name(&mut self, name: &[u8]) -> io::Result<()> {
        if self.is_terminal { self.text(&text::printable(name)) } else { self.bytes(name) }
    }

    /// Writes a value as JSON.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        Ok(serde_json::to_writer(&mut self.output, value)?)
    }
}

impl Write for ResultWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
