//! Messages of a running backup.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use icecore_backup::{
    events::{BackupEvents, BackupNotice, BackupProgress, SourceProblem},
    problems::PROBLEMS_KEPT_MAX,
};
use icecore_format::{ids::RunId, node::Totals, snapshot::Level};
use icecore_operations::{
    backup::{
        BackupRunEvents, BackupRunNotice, ProblemDocument, SourceReport, notice_text, pattern_texts,
        problem_text,
    },
    error::OperationError,
    init::CreatedDocument,
    overlap::OwnDirectoryKind,
};
use serde::Serialize;
use serde_json::json;

use super::text;
use crate::{
    commands::init,
    context::Context,
    failure::Failure,
    surface::{
        console::{Console, Verbosity},
        progress::{Counters, Progress},
    },
};

/// Receives the reports of a run of backups.
#[derive(Debug)]
pub(super) struct Receiver<'a> {
    context: &'a Context,
}

impl<'a> Receiver<'a> {
    /// Makes the receiver of a command.
    pub(super) fn new(context: &'a Context) -> Self {
        Self { context }
    }
}

impl BackupRunEvents for Receiver<'_> {
    fn notice(&self, notice: &BackupRunNotice<'_>) {
        let console = &self.context.console;
        match notice {
            BackupRunNotice::Ineffective(patterns) => {
                for warning in pattern_texts(patterns) {
                    console.warning(&warning);
                }
            }
            BackupRunNotice::NewRoot { name, last, root } => {
                console.notice(&text::new_root(name, last, root));
            }
            // The cache is in a home directory every time.
            BackupRunNotice::LeftOut(directory)
                if directory.kind == OwnDirectoryKind::Catalog && console.verbosity < Verbosity::Verbose => {}
            BackupRunNotice::LeftOut(directory) => console.notice(&text::left_out(directory)),
            BackupRunNotice::RolledBack => console.failure(&Failure::from(OperationError::RolledBack)),
        }
    }

    fn created(&self, created: &CreatedDocument) -> io::Result<()> {
        init::announce(created, &self.context.console)
    }

    fn begin_source(&self, name: &str) -> Box<dyn BackupEvents + '_> {
        let Context { console, access, progress_mode, .. } = self.context;
        let clock = Arc::clone(&access.machine.environment.clock);
        let progress = Progress::start(Arc::clone(console), clock, *progress_mode);
        Box::new(Events::new(console, name.to_owned(), progress))
    }

    fn end_source(&self, source: &SourceReport) -> io::Result<()> {
        let console = &self.context.console;
        if console.json { Ok(()) } else { text::show(console, source) }
    }
}

/// A problem of a source, as a line.
#[derive(Serialize)]
struct ProblemLine<'a> {
    source: &'a str,
    #[serde(flatten)]
    problem: ProblemDocument,
}

/// Receiver of the events of one backup.
#[derive(Debug)]
struct Events<'a> {
    console: &'a Console,
    source: String,
    progress: Progress,
    expected: Mutex<Option<Totals>>,
    /// Number of reported problems.
    problems: AtomicU64,
}

impl<'a> Events<'a> {
    /// Makes the receiver.
    fn new(console: &'a Console, source: String, progress: Progress) -> Self {
        Self { console, source, progress, expected: Mutex::default(), problems: AtomicU64::new(0) }
    }
}

impl BackupEvents for Events<'_> {
    fn started(&self, _: Level, _: Option<RunId>, expected: Option<Totals>) {
        *self.expected.lock().unwrap_or_else(PoisonError::into_inner) = expected;
    }

    fn progress(&self, progress: &BackupProgress) {
        self.progress.update(|| {
            let expected = *self.expected.lock().unwrap_or_else(PoisonError::into_inner);
            Counters {
                phase: "backing up",
                noun: "file",
                objects: progress.files,
                objects_total: expected.map(|totals| totals.files),
                bytes: progress.bytes,
                bytes_total: expected.map(|totals| totals.bytes),
                bytes_stored: Some(progress.bytes_stored),
                path: progress.path.clone(),
            }
        });
    }

    fn problem(&self, problem: &SourceProblem) {
        let number = self.problems.fetch_add(1, Ordering::Relaxed);
        let has_line = self
            .progress
            .line(|| json!({ "problem": ProblemLine { source: &self.source, problem: problem.into() } }));
        // The document at the end lists the first problems; the others can only be reported now.
        let unlisted = self.console.json && !has_line && number >= PROBLEMS_KEPT_MAX as u64;
        if unlisted || self.console.verbosity >= Verbosity::Verbose {
            self.console.warning(&problem_text(problem));
        }
    }

    fn notice(&self, notice: &BackupNotice) {
        let text = notice_text(notice);
        match notice {
            // This is always so, and the summary shows the level.
            BackupNotice::FirstIsFull if self.console.verbosity < Verbosity::Verbose => {}
            BackupNotice::FirstIsFull => self.console.notice(&text),
            _ => self.console.warning(&text),
        }
    }
}
