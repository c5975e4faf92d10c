//! What a restore says while it runs.

use std::{
    io::{self, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};

use icecore_format::node::Totals;
use icecore_restore::{RestoreAction, RestoreEvents, RestoreNotice, RestoreProblem, RestoreProgress};
use serde::Serialize;

use super::document::{ProblemDocument, RestoreDocument, notice_text};
use crate::{
    context::Context,
    failure::{Failure, Outcome, reason},
    surface::{
        console::{Console, ResultWriter, Verbosity},
        progress::{Counters, Progress},
    },
};
use icecore_operations::{documents::PathText, text};

/// Receiver of the events of one restore.
pub(crate) struct Events<'a> {
    console: &'a Console,
    progress: Progress,
    expected: Mutex<Option<Totals>>,
    actions: Mutex<Actions>,
    verbose: bool,
}

/// The list of what would be done, as the beginning of the result of a dry run.
pub(crate) struct Actions {
    output: Option<ResultWriter>,
    json: bool,
    shown: u64,
    failure: Option<Failure>,
}

#[derive(Serialize)]
struct ActionDocument {
    action: &'static str,
    #[serde(flatten)]
    path: PathText,
}

#[derive(Serialize)]
struct ProblemEvent {
    problem: ProblemDocument,
}

impl<'a> Events<'a> {
    /// Makes the receiver; a dry run shows every action on standard output.
    pub(crate) fn new(context: &'a Context, progress: Progress, dry_run: bool) -> Self {
        let console = &*context.console;
        let shows = dry_run && (console.json || console.verbosity > Verbosity::Quiet);
        let mut actions =
            Actions { output: shows.then(ResultWriter::new), json: console.json, shown: 0, failure: None };
        if shows && console.json {
            actions.write(|output| output.text("{\"actions\":["));
        }
        Self {
            console,
            progress,
            expected: Mutex::default(),
            actions: Mutex::new(actions),
            verbose: !dry_run && console.verbosity >= Verbosity::Verbose,
        }
    }

    /// Ends the progress display and returns the list of actions for its end.
    pub(crate) fn finish(self) -> Outcome<Actions> {
        let Self { progress, actions, .. } = self;
        drop(progress);
        let mut actions = actions.into_inner().unwrap_or_else(PoisonError::into_inner);
        match actions.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(actions),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Actions {
    fn write(&mut self, write: impl FnOnce(&mut ResultWriter) -> io::Result<()>) {
        if let (Some(output), None) = (&mut self.output, &self.failure) {
            self.failure = write(output).err().map(|error| Failure::output(&error));
        }
    }

    fn show(&mut self, action: RestoreAction, path: &[u8]) {
        self.shown += 1;
        let (json, is_first) = (self.json, self.shown == 1);
        self.write(|output| {
            if json {
                output.text(if is_first { "" } else { ",\n" })?;
                return output.json(&ActionDocument { action: action.name(), path: PathText::new(path) });
            }
            output.text(&format!("{:<9}", action.name()))?;
            output.name(if path.is_empty() { b"." } else { path })?;
            output.bytes(b"\n")
        });
    }

    /// Writes the JSON document of the restore behind the actions, or alone.
    pub(crate) fn close(mut self, document: &RestoreDocument) -> Outcome<()> {
        let Some(mut output) = self.output.take() else { return Ok(()) };
        let mut close = || {
            if self.json {
                let body = serde_json::to_string(document)?;
                output.text("],")?;
                output.text(body.trim_start_matches('{'))?;
                output.text("\n")?;
            }
            output.flush()
        };
        close().map_err(|error| Failure::output(&error))
    }

    /// Says whether the document was begun.
    pub(crate) fn is_begun(&self) -> bool {
        self.output.is_some()
    }
}

impl RestoreEvents for Events<'_> {
    fn started(&self, expected: Option<Totals>) {
        *lock(&self.expected) = expected;
    }

    fn progress(&self, progress: &RestoreProgress) {
        self.progress.update(|| {
            let expected = *lock(&self.expected);
            Counters {
                phase: "restoring",
                noun: "file",
                objects: progress.files,
                objects_total: expected.map(|totals| totals.files),
                bytes: progress.bytes,
                bytes_total: expected.map(|totals| totals.bytes),
                bytes_stored: None,
                path: progress.path.clone(),
            }
        });
    }

    fn action(&self, action: RestoreAction, path: &[u8]) {
        if self.verbose {
            self.console.error_line(&format!("{} {}", action.name(), text::printable(path)));
        }
        lock(&self.actions).show(action, path);
    }

    fn problem(&self, problem: &RestoreProblem) {
        let document = || ProblemEvent { problem: ProblemDocument::new(problem) };
        self.progress.event(document);
        if self.verbose {
            let (path, reason) = (text::quoted(&problem.path), reason(&problem.reason));
            self.console.error_line(&format!("error: {path}: {reason}"));
        }
    }

    fn notice(&self, notice: &RestoreNotice) {
        self.console.warning(&notice_text(notice));
    }
}
