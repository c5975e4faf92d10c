//! Messages of `copy`.

use std::{fmt::Write, io, sync::Arc};

use icecore_copy::{CopyEvents, CopyProgress};
use icecore_format::{node::Totals, snapshot::Snapshot};
use icecore_operations::{
    archived::ArchivedDocument,
    copy::{CopyOutcome, CopyReport, CopySink, SnapshotCopy},
    error::OperationError,
    init::CreatedDocument,
    look::Ending,
    text,
};
use jiff::tz::TimeZone;

use crate::{
    commands::init::announce,
    context::Context,
    failure::{Failure, exit_status::ExitStatus},
    surface::{
        archived::show_archived,
        progress::{Counters, Progress},
        rollback,
    },
};

/// Reports the events of a copy.
pub(super) struct Receiver<'a> {
    context: &'a Context,
    /// Snapshots with a part that must be thawed.
    archived: u64,
}

impl<'a> Receiver<'a> {
    /// Makes the receiver of a command.
    pub(super) fn new(context: &'a Context) -> Self {
        Self { context, archived: 0 }
    }

    fn show_failure(&mut self, error: &OperationError) {
        let mut failure = Failure::of_operation(error);
        if failure.status == ExitStatus::Archived {
            // The commands for thawing are shown once.
            if self.archived > 0 {
                failure.hint = None;
            }
            self.archived += 1;
        }
        self.context.console.failure(&failure);
    }
}

impl CopySink for Receiver<'_> {
    fn source_looked_at(&mut self, ending: Ending) {
        // The report decides how this ends the command.
        rollback::end(&self.context.console, ending);
    }

    fn created(&mut self, created: &CreatedDocument) -> io::Result<()> {
        announce(created, &self.context.console)
    }

    fn progress(&self, snapshot: &Snapshot) -> Box<dyn CopyEvents> {
        let Context { console, access, progress_mode, .. } = self.context;
        let clock = Arc::clone(&access.machine.environment.clock);
        let progress = Progress::start(Arc::clone(console), clock, *progress_mode);
        let expected = snapshot.completion().map(|completion| completion.totals);
        Box::new(SnapshotProgress { progress, expected })
    }

    fn snapshot(&mut self, copy: &SnapshotCopy) -> io::Result<()> {
        let console = &self.context.console;
        if console.json {
            return Ok(());
        }
        if let CopyOutcome::Failed(error) = &copy.outcome {
            self.show_failure(error);
            return Ok(());
        }
        console.try_summary(&item(copy, &self.context.access.machine.zone))
    }

    fn archived(&mut self, packs: &[ArchivedDocument]) {
        let console = &self.context.console;
        if !console.json {
            let snapshots = text::counted(self.archived, "snapshot");
            let verb = if self.archived == 1 { "is" } else { "are" };
            show_archived(console, &format!("{snapshots} {verb}"), packs);
        }
    }
}

/// Shows the progress of copying one snapshot.
struct SnapshotProgress {
    progress: Progress,
    /// Totals of the snapshot.
    expected: Option<Totals>,
}

impl CopyEvents for SnapshotProgress {
    fn progress(&self, progress: &CopyProgress) {
        self.progress.update(|| Counters {
            phase: "copying",
            noun: "file",
            objects: progress.files,
            objects_total: self.expected.map(|totals| totals.files),
            bytes: progress.bytes,
            bytes_total: self.expected.map(|totals| totals.bytes),
            bytes_stored: Some(progress.bytes_stored),
            path: progress.path.clone(),
        });
    }
}

/// Returns the result for a snapshot, in one or two lines.
fn item(copy: &SnapshotCopy, zone: &TimeZone) -> String {
    let origin = &copy.snapshot.origin;
    let source = text::printable(origin.source.as_bytes());
    let time = text::local_time(origin.started, zone);
    let title = format!("{source} of {time}: snapshot {}", origin.run.snapshot_id());
    match &copy.outcome {
        CopyOutcome::Copied(report) => {
            let counts = &report.counts;
            format!(
                "{title} was copied as {}\n  data    {} read, {} new, {} compressed, {} sent in {}\n",
                report.snapshot.origin.run.snapshot_id(),
                text::size(counts.bytes_read),
                text::size(counts.bytes_new),
                text::size(counts.bytes_compressed),
                text::size(counts.bytes_stored),
                text::duration(report.duration)
            )
        }
        CopyOutcome::Present { copy } => {
            format!("{title} already exists as {}\n", copy.origin.run.snapshot_id())
        }
        CopyOutcome::Forgotten => {
            format!("{title} is skipped: the destination forgot it (name the snapshot to copy it again)\n")
        }
        CopyOutcome::Planned => {
            let totals = copy.snapshot.completion().map(|completion| completion.totals).unwrap_or_default();
            let files = text::counted(totals.files, "file");
            format!("{title} would be copied, {files} with {}\n", text::size(totals.bytes))
        }
        CopyOutcome::Failed(_) => String::new(),
    }
}

/// Returns the summary of all snapshots.
pub(super) fn summary(report: &CopyReport) -> String {
    let mut counts = [
        (0, "copied"),
        (0, "would be copied"),
        (0, "already there"),
        (0, "forgotten there"),
        (0, "not copied"),
    ];
    for copy in &report.snapshots {
        let index = match copy.outcome {
            CopyOutcome::Copied(_) => 0,
            CopyOutcome::Planned => 1,
            CopyOutcome::Present { .. } => 2,
            CopyOutcome::Forgotten => 3,
            CopyOutcome::Failed(_) => 4,
        };
        counts[index].0 += 1;
    }
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{} {name}", text::count(count)))
        .collect();
    let counts = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
    let creation =
        if report.destination.is_none() { "the destination repository would be created\n" } else { "" };
    let mut line = format!("{creation}snapshots: {counts}");
    if report.snapshots_unreadable > 0 {
        // Writing to a string does not fail.
        let _ = write!(line, ", {} cannot be read", text::count(report.snapshots_unreadable as u64));
    }
    if let Some(to) = &report.destination {
        let (read, written) = (report.source.usage.so_far().total(), to.usage.so_far().total());
        let _ = write!(
            line,
            "; {} read from {} ({}), {} sent to {} ({})",
            text::size(read.bytes_read),
            report.source.location,
            text::counted(read.calls, "request"),
            text::size(written.bytes_written),
            to.location,
            text::counted(written.calls, "request"),
        );
    }
    line + "\n"
}
