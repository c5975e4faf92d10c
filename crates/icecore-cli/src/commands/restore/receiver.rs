//! Shows the events of a restore on the console, and asks its questions there.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use icecore_format::node::Totals;
use icecore_operations::{
    restore::{ProblemLine, RestoreDocument, RestoreSink, SnapshotNotice},
    text,
};
use icecore_restore::{
    RestoreAction, RestoreError, RestoreEvents, RestoreNotice, RestoreProblem, RestoreProgress,
    RestoreRequest,
};

use super::{
    actions::Actions,
    text::{deletion_question, notice_text, snapshot_notice, system_question},
};
use crate::{
    context::Context,
    failure::reason,
    surface::{
        confirmation,
        console::{Console, Verbosity},
        progress::{Counters, Progress},
    },
};

/// Receives all events of a restore.
pub(super) struct Receiver<'a> {
    context: &'a Context,
    actions: Actions,
}

impl<'a> Receiver<'a> {
    /// Makes the receiver of a command.
    pub(super) fn new(context: &'a Context) -> Self {
        Self { context, actions: Actions::default() }
    }

    /// Returns the list of actions for completing it.
    pub(super) fn into_actions(self) -> Actions {
        self.actions
    }
}

impl<'a> RestoreSink for Receiver<'a> {
    type Events = Events<'a>;

    fn notice(&mut self, notice: SnapshotNotice<'_>) {
        self.context.console.warning(&snapshot_notice(notice));
    }

    fn may_restore_into(&mut self, target: &Path, directory: &str) -> io::Result<Option<bool>> {
        confirmation::ask_if_possible(&self.context.console, &system_question(target, directory))
    }

    fn may_delete(&mut self, error: &RestoreError) -> io::Result<bool> {
        confirmation::ask(&self.context.console, &deletion_question(error))
    }

    fn begin(&mut self, request: &RestoreRequest) -> Events<'a> {
        Events::new(self.context, request.dry_run)
    }

    fn end(&mut self, events: Events<'a>) {
        self.actions = events.finish();
    }

    fn failed(&mut self, request: &RestoreRequest) -> io::Result<()> {
        std::mem::take(&mut self.actions).close(&RestoreDocument::failed(request))
    }
}

/// Receiver of the events of one attempt.
pub(super) struct Events<'a> {
    console: &'a Console,
    progress: Progress,
    expected: Mutex<Option<Totals>>,
    actions: Mutex<Actions>,
    verbose: bool,
}

impl<'a> Events<'a> {
    fn new(context: &'a Context, dry_run: bool) -> Self {
        let console = &*context.console;
        let progress = Progress::start(
            Arc::clone(&context.console),
            Arc::clone(&context.access.machine.environment.clock),
            context.progress_mode,
        );
        let shows = dry_run && (console.json || console.verbosity > Verbosity::Quiet);
        let actions = if shows { Actions::begin(console.json) } else { Actions::default() };
        Self {
            console,
            progress,
            expected: Mutex::default(),
            actions: Mutex::new(actions),
            verbose: !dry_run && console.verbosity >= Verbosity::Verbose,
        }
    }

    /// Ends the progress display and returns the list of actions for completing it.
    fn finish(self) -> Actions {
        self.actions.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.progress.event(|| ProblemLine::new(problem));
        if self.verbose {
            let (path, reason) = (text::quoted(&problem.path), reason(&problem.reason));
            self.console.error_line(&format!("error: {path}: {reason}"));
        }
    }

    fn notice(&self, notice: &RestoreNotice) {
        let text = notice_text(notice);
        if matches!(notice, RestoreNotice::DeletionLimited { .. }) {
            self.console.notice(&text);
        } else {
            self.console.warning(&text);
        }
    }
}
