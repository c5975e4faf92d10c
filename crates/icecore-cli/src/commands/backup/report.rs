//! What a backup did, as text and JSON.

use std::{fmt::Write, time::Duration};

use icecore_backup::{
    events::{BackupNotice, SourceProblem},
    report::{BackupCounts, BackupReport},
};
use icecore_operations::init::CreatedDocument;
use icecore_repo::repository::Repository;
use serde::Serialize;

use crate::{
    commands::init::announce,
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus, reason},
    surface::console::{Console, ResultWriter},
};
use icecore_operations::{
    documents::{ErrorDocument, PathText, SnapshotDocument, dedup_name, level_name},
    losses::LossDocument,
    text,
};

/// Problems that are shown.
const PROBLEMS_SHOWN_MAX: usize = 20;

/// The JSON document of a backup command.
#[derive(Debug, Serialize)]
pub(crate) struct BackupDocument {
    repository: Option<String>,
    location: Option<String>,
    created: Option<CreatedDocument>,
    dry_run: bool,
    losses: Vec<LossDocument>,
    sources: Vec<SourceDocument>,
}

/// What came of one source.
#[derive(Debug, Serialize)]
pub(crate) struct SourceDocument {
    #[serde(flatten)]
    path: PathText,
    source: String,
    #[serde(flatten)]
    done: Option<DoneDocument>,
    error: Option<ErrorDocument>,
    #[serde(skip)]
    failure: Option<Failure>,
}

#[derive(Debug, Serialize)]
struct DoneDocument {
    snapshot: Option<SnapshotDocument>,
    level: &'static str,
    dedup: &'static str,
    base: Option<String>,
    entries: u64,
    files: u64,
    bytes: u64,
    files_new: u64,
    files_changed: u64,
    files_unchanged: u64,
    files_read: u64,
    entries_removed: u64,
    excluded: u64,
    vanished: u64,
    bytes_read: u64,
    bytes_new: u64,
    bytes_deduplicated: u64,
    bytes_compressed: u64,
    bytes_stored: u64,
    chunks_read: u64,
    chunks_new: u64,
    seconds_read: f64,
    seconds: f64,
    problem_count: u64,
    problems: Vec<ProblemDocument>,
    notices: Vec<String>,
    #[serde(skip)]
    id: Option<String>,
    #[serde(skip)]
    durations: (Duration, Duration),
}

/// An object that is not in the snapshot as it should be.
#[derive(Debug, Serialize)]
pub(crate) struct ProblemDocument {
    kind: &'static str,
    #[serde(flatten)]
    path: PathText,
    message: String,
}

impl From<&SourceProblem> for ProblemDocument {
    fn from(problem: &SourceProblem) -> Self {
        let kind = match problem {
            SourceProblem::Unreadable(_) => "unreadable",
            SourceProblem::Changing { .. } => "changing",
            SourceProblem::Gone { .. } => "gone",
            SourceProblem::Refused { .. } => "refused",
        };
        Self { kind, path: PathText::new(problem.path()), message: problem_text(problem) }
    }
}

impl BackupDocument {
    /// Starts the document of a command.
    pub(crate) fn new(dry_run: bool) -> Self {
        Self {
            repository: None,
            location: None,
            created: None,
            dry_run,
            losses: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// Adds what is known of the repository; tells at once that it was created.
    pub(crate) fn set_repository(
        &mut self,
        context: &Context,
        repository: &Repository,
        created: Option<CreatedDocument>,
    ) -> Outcome<()> {
        self.repository = Some(repository.id().to_string());
        self.location = Some(repository.store().location());
        if let Some(created) = &created {
            announce(created, &context.console).map_err(|error| Failure::output(&error))?;
        }
        self.created = created;
        Ok(())
    }

    /// Adds what is not in the repository any more.
    pub(crate) fn set_losses(&mut self, losses: Vec<LossDocument>) {
        self.losses = losses;
    }

    /// Adds what came of a source and tells it at once, unless JSON is wanted.
    pub(crate) fn add(&mut self, context: &Context, source: SourceDocument) -> Outcome<()> {
        if !context.console.json {
            source.show(&context.console, self.dry_run)?;
        }
        self.sources.push(source);
        Ok(())
    }

    /// Writes the JSON document, if wanted, and returns how the command ends.
    pub(crate) fn finish(self, context: &Context) -> Outcome<ExitStatus> {
        if context.console.json {
            ResultWriter::document(&self)?;
        }
        let losses = if self.losses.is_empty() { ExitStatus::Done } else { ExitStatus::Damage };
        let worst =
            self.sources.iter().map(SourceDocument::status).max().unwrap_or(ExitStatus::Done).max(losses);
        Ok(if context.access.machine.is_cancelled() { ExitStatus::Interrupted } else { worst })
    }
}

impl SourceDocument {
    /// Makes the document of a source that there is no snapshot of.
    pub(crate) fn failed(shown: &[u8], source: String, failure: Failure) -> Self {
        let error = Some(failure.document());
        Self { path: PathText::new(shown), source, done: None, error, failure: Some(failure) }
    }

    /// Makes the document of a source that was backed up.
    pub(crate) fn done(shown: &[u8], source: String, dry_run: bool, report: &BackupReport) -> Self {
        let done = Some(DoneDocument::new(report, dry_run));
        Self { path: PathText::new(shown), source, done, error: None, failure: None }
    }

    /// Adds notices from before the backup.
    #[must_use]
    pub(crate) fn with_notices(mut self, notices: Vec<String>) -> Self {
        if let Some(done) = &mut self.done {
            done.notices.splice(0..0, notices);
        }
        self
    }

    fn status(&self) -> ExitStatus {
        match (&self.failure, &self.done) {
            (Some(failure), _) => failure.status,
            (None, Some(done)) if done.problem_count > 0 => ExitStatus::Partial,
            _ => ExitStatus::Done,
        }
    }

    fn show(&self, console: &Console, dry_run: bool) -> Outcome<()> {
        let source = text::printable(self.source.as_bytes());
        if let Some(failure) = &self.failure {
            console.failure(failure);
        }
        let Some(done) = &self.done else { return Ok(()) };
        console.summary(&done.summary(&source, dry_run))?;
        done.show_problems(console, &source);
        Ok(())
    }
}

impl DoneDocument {
    fn new(report: &BackupReport, dry_run: bool) -> Self {
        let counts: BackupCounts = report.counts;
        Self {
            snapshot: report.snapshot.as_ref().and_then(SnapshotDocument::new),
            level: level_name(report.level),
            dedup: dedup_name(report.dedup),
            base: report.base.map(|base| base.snapshot_id()),
            entries: report.totals.entries,
            files: report.totals.files,
            bytes: report.totals.bytes,
            files_new: counts.files_new,
            files_changed: counts.files_changed,
            files_unchanged: counts.files_unchanged,
            files_read: counts.files_read,
            entries_removed: counts.entries_removed,
            excluded: counts.excluded,
            vanished: counts.vanished,
            bytes_read: counts.bytes_read,
            bytes_new: counts.bytes_new,
            bytes_deduplicated: if dry_run { 0 } else { counts.bytes_read.saturating_sub(counts.bytes_new) },
            bytes_compressed: counts.bytes_compressed,
            bytes_stored: counts.bytes_stored,
            chunks_read: counts.chunks_read,
            chunks_new: counts.chunks_new,
            seconds_read: report.duration_read.as_secs_f64(),
            seconds: report.duration.as_secs_f64(),
            problem_count: report.problems.total(),
            problems: report.problems.kept().iter().map(ProblemDocument::from).collect(),
            notices: report.notices.iter().map(notice_text).collect(),
            id: report.snapshot.as_ref().map(|snapshot| snapshot.origin.run.snapshot_id()),
            durations: (report.duration_read, report.duration.saturating_sub(report.duration_read)),
        }
    }

    /// Returns what was done, in a few lines.
    fn summary(&self, source: &str, dry_run: bool) -> String {
        let (count, size) = (text::count, text::size);
        let against = self.base.as_ref().map(|base| format!(", compared with {base}")).unwrap_or_default();
        let mut lines = match &self.id {
            Some(id) => format!("{source}: snapshot {id}, {}{against}\n", self.level),
            None => format!(
                "{source}: nothing was written; it would be a snapshot of level {}{against}\n",
                self.level
            ),
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            lines,
            "  files   {} new, {} changed, {} unchanged; {} in all with {}",
            count(self.files_new),
            count(self.files_changed),
            count(self.files_unchanged),
            text::counted(self.files, "file"),
            size(self.bytes)
        );
        let others: Vec<String> = [
            (self.entries_removed, "gone since then"),
            (self.excluded, "left out"),
            (self.vanished, "vanished meanwhile"),
        ]
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", count(*number)))
        .collect();
        if !others.is_empty() {
            let _ = writeln!(lines, "  others  {}", others.join(", "));
        }
        if dry_run {
            let files = text::counted(self.files_read, "file");
            let _ = writeln!(lines, "  data    {files} with {} would be read", size(self.bytes_read));
            return lines;
        }
        let _ = writeln!(
            lines,
            "  data    {} read, {} deduplicated, {} new, {} compressed",
            size(self.bytes_read),
            size(self.bytes_deduplicated),
            size(self.bytes_new),
            size(self.bytes_compressed)
        );
        let _ = writeln!(lines, "  added   {} to the repository", size(self.bytes_stored));
        let (read, rest) = self.durations;
        let _ = writeln!(
            lines,
            "  time    {} to read everything, {} until all was durable",
            text::duration(read),
            text::duration(rest)
        );
        lines
    }

    fn show_problems(&self, console: &Console, source: &str) {
        if self.problems.is_empty() {
            return;
        }
        for problem in self.problems.iter().take(PROBLEMS_SHOWN_MAX) {
            console.warning(&problem.message);
        }
        let more = self.problem_count.saturating_sub(PROBLEMS_SHOWN_MAX as u64);
        if more > 0 {
            console.warning(&format!("{} more (--verbose lists all)", text::count(more)));
        }
        let objects = text::counted(self.problem_count, "object");
        console
            .warning(&format!("{source}: the snapshot is partial: {objects} could not be read completely"));
    }
}

/// Returns a problem in words.
pub(crate) fn problem_text(problem: &SourceProblem) -> String {
    match problem {
        SourceProblem::Unreadable(error) => format!("failed to {}", reason(error)),
        SourceProblem::Changing { path } => {
            format!(
                "{} changed whenever it was read; the last state that was seen is stored",
                text::quoted(path)
            )
        }
        SourceProblem::Gone { path } => format!(
            "the directory {} was moved or removed during the backup; files below it may be missing in the snapshot",
            text::quoted(path)
        ),
        SourceProblem::Refused { path, reason, below } => {
            let more = if *below > 0 {
                format!(" and {} below it", text::counted(*below, "object"))
            } else {
                String::new()
            };
            format!("{}{more} cannot be stored: {}", text::quoted(path), crate::failure::reason(reason))
        }
    }
}

/// Returns a notice in words.
pub(crate) fn notice_text(notice: &BackupNotice) -> String {
    match notice {
        BackupNotice::FirstIsFull => "there is no earlier snapshot of this source: this one is a full".to_owned(),
        BackupNotice::GroupNeedsFull => {
            "the last full refers to packs of other groups: this snapshot became a full, which begins a group of its own"
                .to_owned()
        }
        BackupNotice::BaseUnreadable { reason } => {
            format!("the earlier snapshot cannot be read, so every file is read again: {reason}")
        }
        BackupNotice::ClockBehind { newest, started } => format!(
            "this host's clock is behind the newest snapshot of the source, {} of {}: the clock is wrong, or was when that \
             snapshot was made; the order of the snapshots does not depend on it",
            newest.snapshot_id(),
            text::utc_time(*started).unwrap_or_default()
        ),
        BackupNotice::ClockDiffers(difference) => {
            let direction = if difference.here > difference.store { "ahead of" } else { "behind" };
            format!(
                "this host's clock is {} {direction} the repository's; set it right, for example with a time service",
                text::duration(difference.distance())
            )
        }
        BackupNotice::ChunksMissing { files } => format!(
            "data that an earlier snapshot refers to is missing in the repository, so {} had to be read again; \
             run `icecore check`",
            text::counted(*files, "file")
        ),
    }
}

#[cfg(test)]
mod tests;
