//! Collects counts, problems and warnings from all threads, and passes them on as events.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use icecore_fs::target::ApplyWarning;
use icecore_store::environment::Clock;

use crate::report::{
    PROBLEMS_MAX, ProblemReason, RestoreAction, RestoreCounts, RestoreEvents, RestoreNotice, RestoreProblem,
    RestoreProgress, RestoreReport, RestoreWarning, WARNING_EXAMPLES_MAX,
};

/// Time between two reports of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// Most aspects that are counted apart: names of attributes come from the snapshot.
const ASPECTS_MAX: usize = 256;
const ASPECT_OTHER: &str = "other";

/// Collects what becomes the report.
pub(crate) struct Tally<'a> {
    events: &'a dyn RestoreEvents,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    report: RestoreReport,
    warnings: BTreeMap<String, RestoreWarning>,
    progress: RestoreProgress,
    progress_told: Duration,
}

impl<'a> Tally<'a> {
    /// Begins with nothing.
    pub fn new(events: &'a dyn RestoreEvents, clock: Arc<dyn Clock>) -> Self {
        Self { events, clock, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns who is told.
    pub fn events(&self) -> &dyn RestoreEvents {
        self.events
    }

    /// Changes the counts.
    pub fn count(&self, change: impl FnOnce(&mut RestoreCounts)) {
        change(&mut self.lock().report.counts);
    }

    /// Notes that something is done.
    pub fn action(&self, action: RestoreAction, path: &[u8]) {
        self.events.action(action, path);
    }

    /// Notes something about the restore as a whole.
    pub fn notice(&self, notice: RestoreNotice) {
        self.events.notice(&notice);
        self.lock().report.notices.push(notice);
    }

    /// Notes an object that could not be restored.
    pub fn problem(&self, path: &[u8], reason: ProblemReason) {
        let problem = RestoreProblem { path: path.to_vec(), reason };
        self.events.problem(&problem);
        let mut state = self.lock();
        state.report.problem_count += 1;
        state.report.damaged += u64::from(problem.reason.is_damage());
        if state.report.problems.len() < PROBLEMS_MAX {
            state.report.problems.push(problem);
        }
    }

    /// Notes what could not be applied to an object.
    pub fn warn(&self, warnings: Vec<ApplyWarning>) {
        for warning in warnings {
            self.warn_aspect(warning.aspect.to_string(), &warning.path, warning.source.to_string());
        }
    }

    /// Notes one thing that could not be applied to an object.
    pub fn warn_aspect(&self, aspect: String, path: &[u8], reason: String) {
        let mut state = self.lock();
        let known = state.warnings.contains_key(&aspect) || state.warnings.len() < ASPECTS_MAX;
        let aspect = if known { aspect } else { ASPECT_OTHER.to_owned() };
        let group = state.warnings.entry(aspect).or_insert_with_key(|aspect| RestoreWarning {
            aspect: aspect.clone(),
            count: 0,
            examples: Vec::new(),
        });
        group.count += 1;
        if group.examples.len() < WARNING_EXAMPLES_MAX {
            group.examples.push((path.to_vec(), reason));
        }
    }

    /// Notes that some bytes of a file have been dealt with.
    pub fn progress_bytes(&self, path: &[u8], bytes: u64) {
        self.progress(path, |progress| progress.bytes += bytes);
    }

    /// Notes that an entry has been dealt with, and how many bytes of it have not been noted before.
    pub fn progress_entry(&self, path: &[u8], is_file: bool, bytes: u64) {
        self.progress(path, |progress| {
            progress.entries += 1;
            progress.files += u64::from(is_file);
            progress.bytes += bytes;
        });
    }

    fn progress(&self, path: &[u8], change: impl FnOnce(&mut RestoreProgress)) {
        let now = self.clock.monotonic();
        let told = {
            let mut state = self.lock();
            change(&mut state.progress);
            if now.saturating_sub(state.progress_told) < PROGRESS_EVERY {
                return;
            }
            state.progress_told = now;
            state.progress.path = path.to_vec();
            state.progress.clone()
        };
        self.events.progress(&told);
    }

    /// Tells the final progress and returns the report, without durations.
    pub fn finish(self) -> RestoreReport {
        let mut state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.events.progress(&state.progress);
        state.report.warnings = state.warnings.into_values().collect();
        state.report
    }
}
