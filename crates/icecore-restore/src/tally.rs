//! Collects counts, problems and warnings from all threads, and passes them on as events.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use icecore_fs::target::{AppliedAspect, ApplyWarning};
use icecore_store::environment::Clock;

use crate::report::{
    KeptObjects, KeptReason, PROBLEMS_ARCHIVED_MAX, PROBLEMS_MAX, ProblemReason, RestoreAction,
    RestoreCounts, RestoreEvents, RestoreNotice, RestoreProblem, RestoreProgress, RestoreReport,
    RestoreWarning, WARNING_EXAMPLES_MAX,
};
use crate::request::OwnerMapping;

/// Time between two reports of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// Maximum number of groups of warnings that are counted separately.
const GROUPS_MAX: usize = 256;
const GROUP_OTHER: &str = "other";

/// Collects the content of the report.
pub(crate) struct Tally<'a> {
    events: &'a dyn RestoreEvents,
    clock: Arc<dyn Clock>,
    standing: Standing,
    state: Mutex<State>,
}

/// What the user of a restore may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// The superuser restores, and may set everything.
    pub is_privileged: bool,
    /// Owners that the objects should get.
    pub owners: OwnerMapping,
}

#[derive(Default)]
struct State {
    report: RestoreReport,
    /// By aspect, reason, and whether it is a note.
    warnings: BTreeMap<(String, String, bool), RestoreWarning>,
    kept: BTreeMap<KeptReason, KeptObjects>,
    progress: RestoreProgress,
    progress_told: Duration,
}

impl<'a> Tally<'a> {
    /// Begins with nothing.
    pub fn new(events: &'a dyn RestoreEvents, clock: Arc<dyn Clock>, standing: Standing) -> Self {
        Self { events, clock, standing, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the receiver of events.
    pub fn events(&self) -> &dyn RestoreEvents {
        self.events
    }

    /// Changes the counts.
    pub fn count(&self, change: impl FnOnce(&mut RestoreCounts)) {
        change(&mut self.lock().report.counts);
    }

    /// Returns the counts so far.
    pub fn counts(&self) -> RestoreCounts {
        self.lock().report.counts
    }

    /// Notes that something was left alone.
    pub fn kept(&self, reason: KeptReason, path: &[u8]) {
        let mut state = self.lock();
        let none = || KeptObjects { reason, count: 0, examples: Vec::new() };
        let group = state.kept.entry(reason).or_insert_with(none);
        group.count += 1;
        if group.examples.len() < WARNING_EXAMPLES_MAX {
            group.examples.push(path.to_vec());
        }
    }

    /// Reports an action.
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
        let is_archived = problem.reason.is_archived();
        state.report.archived += u64::from(is_archived);
        let has_room = state.report.problems.len() < PROBLEMS_MAX;
        if has_room && !(is_archived && state.report.archived > PROBLEMS_ARCHIVED_MAX as u64) {
            state.report.problems.push(problem);
        }
    }

    /// Notes metadata that could not be applied to an object; each reason counts once for it.
    pub fn warn(&self, warnings: Vec<ApplyWarning>) {
        let mut known: Vec<(String, String)> = Vec::new();
        for warning in warnings {
            let (aspect, reason) = (warning.aspect.to_string(), warning.source.to_string());
            let group = (group_of(&warning.aspect).map_or_else(|| aspect.clone(), str::to_owned), reason);
            if known.contains(&group) {
                continue;
            }
            let is_denied = warning.source.kind() == std::io::ErrorKind::PermissionDenied;
            let is_asked_for =
                self.standing.owners == OwnerMapping::None && warning.aspect == AppliedAspect::SetIdBits;
            let is_note = is_asked_for
                || (!self.standing.is_privileged && is_denied && warning.aspect.needs_privilege());
            let detail = if aspect == group.0 { group.1.clone() } else { format!("{aspect}: {}", group.1) };
            self.add_warning(&group, &warning.path, detail, is_note);
            known.push(group);
        }
    }

    /// Notes one aspect that could not be applied to an object; if only the superuser may apply it, it is a
    /// note for others.
    pub fn warn_aspect(&self, aspect: &str, path: &[u8], reason: String, needs_privilege: bool) {
        let is_note = needs_privilege && !self.standing.is_privileged;
        self.add_warning(&(aspect.to_owned(), reason.clone()), path, reason, is_note);
    }

    /// Notes something about an object that has no consequence.
    pub fn note_aspect(&self, aspect: &str, path: &[u8], reason: String) {
        self.add_warning(&(aspect.to_owned(), reason.clone()), path, reason, true);
    }

    fn add_warning(&self, group: &(String, String), path: &[u8], detail: String, is_note: bool) {
        let mut state = self.lock();
        let key = (group.0.clone(), group.1.clone(), is_note);
        let known = state.warnings.contains_key(&key) || state.warnings.len() < GROUPS_MAX;
        let key = if known { key } else { (GROUP_OTHER.to_owned(), GROUP_OTHER.to_owned(), is_note) };
        let group =
            state.warnings.entry(key).or_insert_with_key(|(aspect, reason, is_note)| RestoreWarning {
                aspect: aspect.clone(),
                reason: reason.clone(),
                is_note: *is_note,
                count: 0,
                examples: Vec::new(),
            });
        group.count += 1;
        if group.examples.len() < WARNING_EXAMPLES_MAX {
            group.examples.push((path.to_vec(), detail));
        }
    }

    /// Notes that some bytes of a file are finished.
    pub fn progress_bytes(&self, path: &[u8], bytes: u64) {
        self.progress(path, |progress| progress.bytes += bytes);
    }

    /// Notes that an entry is finished, and how many bytes of it have not been noted before.
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

    /// Reports the final progress and returns the report, without durations.
    pub fn finish(self) -> RestoreReport {
        let mut state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.events.progress(&state.progress);
        state.report.warnings = state.warnings.into_values().collect();
        state.report.kept = state.kept.into_values().collect();
        state.report
    }
}

/// Returns the common name under which several aspects are counted: names of attributes come from the
/// snapshot.
fn group_of(aspect: &AppliedAspect) -> Option<&'static str> {
    matches!(aspect, AppliedAspect::ExtendedAttribute(_)).then_some("extended attributes")
}

#[cfg(test)]
mod tests;
