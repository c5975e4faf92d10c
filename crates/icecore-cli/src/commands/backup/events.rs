//! What a backup says while it runs.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use icecore_backup::{
    events::{BackupEvents, BackupNotice, BackupProgress, SourceProblem},
    problems::PROBLEMS_KEPT_MAX,
};
use icecore_format::{ids::RunId, node::Totals, snapshot::Level};

use serde::Serialize;
use serde_json::json;

use super::report::{ProblemDocument, notice_text, problem_text};
use crate::surface::{
    console::{Console, Verbosity},
    progress::{Counters, Progress},
};

/// A problem of a source, as a line.
#[derive(Serialize)]
struct ProblemLine<'a> {
    source: &'a str,
    #[serde(flatten)]
    problem: ProblemDocument,
}

/// Receiver of the events of one backup.
#[derive(Debug)]
pub(crate) struct Events<'a> {
    console: &'a Console,
    source: &'a str,
    progress: Progress,
    expected: Mutex<Option<Totals>>,
    /// How many problems have been told.
    problems: AtomicU64,
}

impl<'a> Events<'a> {
    /// Makes the receiver.
    pub(crate) fn new(console: &'a Console, source: &'a str, progress: Progress) -> Self {
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
            .line(|| json!({ "problem": ProblemLine { source: self.source, problem: problem.into() } }));
        // The document at the end lists the first ones; who wants to know more wants to know at once.
        let unlisted = self.console.json && !has_line && number >= PROBLEMS_KEPT_MAX as u64;
        if unlisted || self.console.verbosity >= Verbosity::Verbose {
            self.console.warning(&problem_text(problem));
        }
    }

    fn notice(&self, notice: &BackupNotice) {
        let text = notice_text(notice);
        match notice {
            // So it always is; the summary shows the level.
            BackupNotice::FirstIsFull if self.console.verbosity < Verbosity::Verbose => {}
            BackupNotice::FirstIsFull => self.console.notice(&text),
            _ => self.console.warning(&text),
        }
    }
}
