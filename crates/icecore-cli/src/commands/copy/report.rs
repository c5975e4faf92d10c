//! What a copy did, as text and JSON.

use std::{fmt::Write, time::Duration};

use icecore_access::Usage;
use icecore_aws::S3Store;
use icecore_copy::{CopyCounts, CopyReport};
use icecore_format::snapshot::Snapshot;
use icecore_operations::init::CreatedDocument;
use icecore_repo::{reader::ArchivedPack, repository::Repository};
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::{
    commands::init::announce,
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus},
    surface::{
        archived::show_archived,
        console::{Console, ResultWriter},
    },
};
use icecore_operations::{
    archived::{self, ArchivedDocument, Bucket},
    documents::{ErrorDocument, SnapshotDocument},
    losses::LossDocument,
    text,
};

/// The JSON document of a copy command.
#[derive(Debug, Serialize)]
pub(crate) struct CopyDocument {
    dry_run: bool,
    from: PlaceDocument,
    to: Option<PlaceDocument>,
    created: Option<CreatedDocument>,
    from_losses: Vec<LossDocument>,
    losses: Vec<LossDocument>,
    snapshots_unreadable: usize,
    archived_packs: Vec<ArchivedDocument>,
    snapshots: Vec<Item>,
    /// How the command ends at best.
    #[serde(skip)]
    status: ExitStatus,
}

/// One of the two repositories.
#[derive(Debug, Serialize)]
struct PlaceDocument {
    repository: String,
    location: String,
    calls: u64,
    bytes_read: u64,
    bytes_written: u64,
}

/// What came of one snapshot.
#[derive(Debug, Serialize)]
pub(crate) struct Item {
    state: State,
    snapshot: Option<SnapshotDocument>,
    copy: Option<SnapshotDocument>,
    #[serde(flatten)]
    done: Option<DoneDocument>,
    error: Option<ErrorDocument>,
    #[serde(skip)]
    title: String,
    #[serde(skip)]
    failure: Option<Failure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Copied,
    Present,
    Planned,
    Failed,
}

#[derive(Debug, Serialize)]
struct DoneDocument {
    chunks_read: u64,
    bytes_read: u64,
    bytes_fetched: u64,
    chunks_new: u64,
    bytes_new: u64,
    bytes_compressed: u64,
    bytes_stored: u64,
    seconds: f64,
    #[serde(skip)]
    duration: Duration,
}

impl CopyDocument {
    /// Starts the document of a command.
    pub(crate) fn new(dry_run: bool, from: &Repository) -> Self {
        Self {
            dry_run,
            from: PlaceDocument::new(from),
            to: None,
            created: None,
            from_losses: Vec::new(),
            losses: Vec::new(),
            snapshots_unreadable: 0,
            archived_packs: Vec::new(),
            snapshots: Vec::new(),
            status: ExitStatus::Done,
        }
    }

    /// Notes how many of the snapshots that are to be copied cannot even be read.
    pub(crate) fn set_unreadable(&mut self, snapshots: usize) {
        self.snapshots_unreadable = snapshots;
    }

    /// Adds what is known of the other repository; tells at once that it was created.
    pub(crate) fn set_target(
        &mut self,
        context: &Context,
        repository: &Repository,
        created: Option<CreatedDocument>,
    ) -> Outcome<()> {
        self.to = Some(PlaceDocument::new(repository));
        if let Some(created) = &created {
            announce(created, &context.console)?;
        }
        self.created = created;
        Ok(())
    }

    /// Adds what is not in the first repository any more, and how the command therefore ends at best.
    pub(crate) fn set_source_losses(&mut self, losses: Vec<LossDocument>, status: ExitStatus) {
        self.from_losses = losses;
        self.status = status;
    }

    /// Adds what is not in the other repository any more.
    pub(crate) fn set_losses(&mut self, losses: Vec<LossDocument>) {
        self.losses = losses;
    }

    /// Adds the packs that have to be thawed, and tells how unless JSON is wanted.
    pub(crate) fn set_archived(&mut self, context: &Context, s3: Option<&S3Store>, packs: &[ArchivedPack]) {
        self.archived_packs = archived::documents(Bucket::of(&context.access, s3).as_ref(), packs);
        if !context.console.json {
            let waiting = self.snapshots.iter().filter(|item| item.status() == ExitStatus::Archived).count();
            let snapshots = text::counted(waiting as u64, "snapshot");
            let verb = if waiting == 1 { "is" } else { "are" };
            show_archived(&context.console, &format!("{snapshots} {verb}"), &self.archived_packs);
        }
    }

    /// Adds what came of a snapshot and tells it at once, unless JSON is wanted.
    pub(crate) fn add(&mut self, console: &Console, item: Item) -> Outcome<()> {
        if !console.json {
            if let Some(failure) = &item.failure {
                // How to thaw is said once.
                let is_known = failure.status == ExitStatus::Archived
                    && self.snapshots.iter().any(|item| item.status() == ExitStatus::Archived);
                let hint = failure.hint.clone().filter(|_| !is_known);
                console.failure(&Failure { hint, ..failure.clone() });
            }
            console.summary(&item.summary())?;
        }
        self.snapshots.push(item);
        Ok(())
    }

    /// Writes the JSON document, or the sum in words, and returns how the command ends.
    pub(crate) fn finish(
        mut self,
        context: &Context,
        from: &Usage,
        to: Option<&Usage>,
    ) -> Outcome<ExitStatus> {
        self.from.set_usage(from);
        if let (Some(place), Some(usage)) = (&mut self.to, to) {
            place.set_usage(usage);
        }
        if context.console.json {
            ResultWriter::document(&self)?;
        } else {
            context.console.summary(&self.summary())?;
        }
        let is_whole = self.losses.is_empty() && self.snapshots_unreadable == 0;
        let worst = self.snapshots.iter().map(Item::status).max().unwrap_or(ExitStatus::Done);
        let worst = worst.max(self.status).max(if is_whole { ExitStatus::Done } else { ExitStatus::Damage });
        Ok(if context.access.machine.is_cancelled() { ExitStatus::Interrupted } else { worst })
    }

    fn summary(&self) -> String {
        let states = [
            (State::Copied, "copied"),
            (State::Planned, "would be copied"),
            (State::Present, "there already"),
            (State::Failed, "not copied"),
        ];
        let counts = states.map(|(state, name)| {
            (self.snapshots.iter().filter(|item| item.state == state).count() as u64, name)
        });
        let counts: Vec<String> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{} {name}", text::count(count)))
            .collect();
        let counts = if counts.is_empty() { "there are none".to_owned() } else { counts.join(", ") };
        let mut line = format!("snapshots: {counts}");
        if self.snapshots_unreadable > 0 {
            // Writing to a string does not fail.
            let _ = write!(line, ", {} cannot be read", text::count(self.snapshots_unreadable as u64));
        }
        if let Some(to) = &self.to {
            let _ = write!(
                line,
                "; {} read from {} ({}), {} sent to {} ({})",
                text::size(self.from.bytes_read),
                self.from.location,
                text::counted(self.from.calls, "request"),
                text::size(to.bytes_written),
                to.location,
                text::counted(to.calls, "request"),
            );
        }
        line + "\n"
    }
}

impl PlaceDocument {
    fn new(repository: &Repository) -> Self {
        let (id, location) = (repository.id().to_string(), repository.store().location());
        Self { repository: id, location, calls: 0, bytes_read: 0, bytes_written: 0 }
    }

    fn set_usage(&mut self, usage: &Usage) {
        let total = usage.so_far().total();
        (self.calls, self.bytes_read, self.bytes_written) =
            (total.calls, total.bytes_read, total.bytes_written);
    }
}

impl Item {
    fn new(state: State, snapshot: &Snapshot, zone: &TimeZone) -> Self {
        let origin = &snapshot.origin;
        let source = text::printable(origin.source.as_bytes());
        let time = text::local_time(origin.started, zone);
        Self {
            state,
            snapshot: SnapshotDocument::new(snapshot),
            copy: None,
            done: None,
            error: None,
            title: format!("{source} of {time}: snapshot {}", origin.run.snapshot_id()),
            failure: None,
        }
    }

    /// Makes the item of a snapshot that the other repository has already.
    pub(crate) fn present(snapshot: &Snapshot, copy: &Snapshot, zone: &TimeZone) -> Self {
        let mut item = Self::new(State::Present, snapshot, zone);
        let _ = write!(item.title, " is there already as {}", copy.origin.run.snapshot_id());
        Self { copy: SnapshotDocument::new(copy), ..item }
    }

    /// Makes the item of a snapshot that would be copied.
    pub(crate) fn planned(snapshot: &Snapshot, zone: &TimeZone) -> Self {
        let mut item = Self::new(State::Planned, snapshot, zone);
        let totals = snapshot.completion().map(|completion| completion.totals).unwrap_or_default();
        let files = text::counted(totals.files, "file");
        let _ = write!(item.title, " would be copied, {files} with {}", text::size(totals.bytes));
        item
    }

    /// Makes the item of a snapshot that was copied.
    pub(crate) fn copied(snapshot: &Snapshot, report: &CopyReport, zone: &TimeZone) -> Self {
        let mut item = Self::new(State::Copied, snapshot, zone);
        let _ = write!(item.title, " was copied as {}", report.snapshot.origin.run.snapshot_id());
        let done = DoneDocument::new(&report.counts, report.duration);
        Self { copy: SnapshotDocument::new(&report.snapshot), done: Some(done), ..item }
    }

    /// Makes the item of a snapshot that could not be copied.
    pub(crate) fn failed(snapshot: &Snapshot, failure: Failure, zone: &TimeZone) -> Self {
        let item = Self::new(State::Failed, snapshot, zone);
        Self { error: Some(failure.document()), failure: Some(failure), ..item }
    }

    fn status(&self) -> ExitStatus {
        self.failure.as_ref().map_or(ExitStatus::Done, |failure| failure.status)
    }

    fn summary(&self) -> String {
        if self.failure.is_some() {
            return String::new();
        }
        let mut lines = format!("{}\n", self.title);
        if let Some(done) = &self.done {
            let _ = writeln!(
                lines,
                "  data    {} read, {} new, {} compressed, {} sent in {}",
                text::size(done.bytes_read),
                text::size(done.bytes_new),
                text::size(done.bytes_compressed),
                text::size(done.bytes_stored),
                text::duration(done.duration)
            );
        }
        lines
    }
}

impl DoneDocument {
    fn new(counts: &CopyCounts, duration: Duration) -> Self {
        let CopyCounts {
            chunks_read,
            bytes_read,
            bytes_fetched,
            chunks_new,
            bytes_new,
            bytes_compressed,
            bytes_stored,
        } = *counts;
        Self {
            chunks_read,
            bytes_read,
            bytes_fetched,
            chunks_new,
            bytes_new,
            bytes_compressed,
            bytes_stored,
            seconds: duration.as_secs_f64(),
            duration,
        }
    }
}
