//! Counts and reports of a run.

use std::time::Duration;

use icecore_format::entry::{Entry, EntryKind};
use icecore_repo::session::WriteSession;

use crate::{
    events::{BackupEvents, BackupNotice, BackupProgress, SourceProblem},
    problems::Problems,
    report::BackupCounts,
};

/// Progress is reported at most this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Counts, problems and notices for the report; they are passed on as events at once.
pub(crate) struct Tally<'a> {
    events: &'a dyn BackupEvents,
    pub counts: BackupCounts,
    pub problems: Problems,
    pub notices: Vec<BackupNotice>,
    progress: BackupProgress,
    reported: Duration,
}

impl<'a> Tally<'a> {
    /// Begins with nothing.
    pub fn new(events: &'a dyn BackupEvents) -> Self {
        Self {
            events,
            counts: BackupCounts::default(),
            problems: Problems::default(),
            notices: Vec::new(),
            progress: BackupProgress::default(),
            reported: Duration::ZERO,
        }
    }

    /// Adds a problem with the snapshot.
    pub fn problem(&mut self, problem: SourceProblem) {
        self.problems.add(problem, self.events);
    }

    /// Adds a difference between the request and the run.
    pub fn notice(&mut self, notice: BackupNotice) {
        self.events.notice(&notice);
        self.notices.push(notice);
    }

    /// Counts an entry of the manifest.
    pub fn count_entry(&mut self, entry: &Entry, session: &WriteSession<'_>) {
        self.progress.entries += 1;
        if entry.kind == EntryKind::File {
            self.progress.files += 1;
            self.progress.bytes += entry.size;
        }
        self.report(&entry.path, session);
    }

    /// Counts bytes of a stream, whose entry comes at its end.
    pub fn count_bytes(&mut self, bytes: u64, session: &WriteSession<'_>) {
        self.progress.bytes += bytes;
        self.report(&[], session);
    }

    fn report(&mut self, path: &[u8], session: &WriteSession<'_>) {
        let now = session.repository().environment().monotonic();
        if now.saturating_sub(self.reported) >= PROGRESS_EVERY {
            self.reported = now;
            self.progress.path = path.to_vec();
            self.progress.bytes_stored = session.statistics().bytes_stored;
            self.events.progress(&self.progress);
        }
    }
}
