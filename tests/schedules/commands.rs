//! The commands that actors run, as calls of the library, and what they report.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    time::Duration,
};

use icecore_backup::{
    events::{BackupEvents, BackupNotice, BackupProgress, SourceProblem},
    request::{BackupRequest, BackupSource, IgnoredChanges},
};
use icecore_format::{
    history::SeenHistory,
    ids::RunId,
    node::Totals,
    snapshot::{DedupScope, Level, Snapshot, SnapshotState},
};
use icecore_fs::excludes::Excludes;
use icecore_prune::{PruneError, PruneOptions, PruneReport};
use icecore_repo::{
    session::WriteOptions,
    snapshots::{self, SnapshotList},
};

use crate::{
    machine::{CommandResult, Machine},
    truth::Truth,
};

/// A run without a sign of life is ended after this time.
pub(crate) const FENCE_AFTER: Duration = Duration::from_hours(1);

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Backup,
    /// A backup into the group of the one before.
    Increment,
    Forget,
    Undo,
    Prune,
    Read,
    CopyIn,
    CopyOut,
    Hold,
    Release,
    Repair,
}

/// Receiver that ignores everything.
struct Silent;

impl BackupEvents for Silent {
    fn started(&self, _: Level, _: Option<RunId>, _: Option<Totals>) {}
    fn progress(&self, _: &BackupProgress) {}
    fn problem(&self, _: &SourceProblem) {}
    fn notice(&self, _: &BackupNotice) {}
}

impl Machine {
    /// Runs a command; returns what it did.
    pub(crate) fn run(&mut self, command: Command, truth: &Mutex<Truth>) -> CommandResult<String> {
        match command {
            Command::Backup => {
                let levels = [Level::Full, Level::Incremental, Level::Incremental, Level::Differential];
                let scopes = [None, None, Some(DedupScope::Repository), Some(DedupScope::Group)];
                let kind = (*self.dice.pick(&levels), *self.dice.pick(&scopes));
                self.back_up(kind, truth)
            }
            Command::Increment => self.back_up((Level::Incremental, None), truth),
            Command::Forget => self.forget(truth),
            Command::Undo => self.undo(truth),
            Command::Prune => {
                let report = self.prune_once()?;
                let mut truth = truth.lock().unwrap();
                truth.add("packs condemned", report.packs_condemned);
                truth.add("packs removed", report.swept.packs);
                truth.add("packs repacked", report.repacked.packs.len());
                truth.add("runs ended", report.runs_fenced);
                truth.add("surveys with doubts", usize::from(!report.doubts.is_empty()));
                Ok(summary(&report))
            }
            Command::Read => self.read_one(truth),
            Command::CopyIn => self.copy_in(truth),
            Command::CopyOut => self.copy_out(truth),
            Command::Hold => self.hold(truth),
            Command::Release => self.release(truth),
            Command::Repair => self.repair(truth),
        }
    }

    fn back_up(&mut self, kind: (Level, Option<DedupScope>), truth: &Mutex<Truth>) -> CommandResult<String> {
        let dice = &mut self.dice;
        let tree = self.tree.as_mut().ok_or("there is nothing to back up")?;
        tree.change(dice);
        let (root, files) = (tree.root().to_owned(), tree.files().clone());
        let repository = self.unlock()?;
        let look = self.look(&repository)?;
        let source = BackupSource::Tree { path: root };
        let request = BackupRequest {
            snapshots: Some(Arc::clone(&look.list)),
            ..request(&self.host, &self.source, source, kind)
        };
        let report = icecore_backup::backup(&repository, &mut self.catalog, request, &Silent)?;
        if let Some(problem) = report.problems.kept().first() {
            return Err(format!("{problem:?}").into());
        }
        let snapshot = report.snapshot.ok_or("no snapshot was made")?;
        truth.lock().unwrap().completed(snapshot.origin.run, files);
        self.log(&repository, look, &snapshot)?;
        Ok(format!("completed {}", snapshot.origin.run))
    }

    /// Chooses one of the complete snapshots.
    pub(crate) fn any_complete(&mut self, list: &SnapshotList) -> Option<Snapshot> {
        let complete: Vec<&Snapshot> = list.complete(None).collect();
        (!complete.is_empty()).then(|| (*self.dice.pick(&complete)).clone())
    }

    fn forget(&mut self, truth: &Mutex<Truth>) -> CommandResult<String> {
        let repository = self.unlock()?;
        let list = snapshots::list(&repository, &mut self.catalog)?;
        let Some(snapshot) = self.any_complete(&list) else { return Ok("nothing to forget".to_owned()) };
        let run = snapshot.origin.run;
        let was_held = {
            let mut truth = truth.lock().unwrap();
            truth.forgets(run);
            truth.is_held(run)
        };
        let forgotten = icecore_prune::forget(&repository, run, None);
        let mut truth = truth.lock().unwrap();
        if matches!(forgotten, Err(PruneError::Held { .. })) {
            truth.refused(run);
        }
        forgotten?;
        if was_held && truth.is_held(run) {
            truth.problems.push(format!("{run} was forgotten while a hold lasted"));
        }
        Ok(format!("forgot {run}"))
    }

    fn undo(&mut self, truth: &Mutex<Truth>) -> CommandResult<String> {
        let repository = self.unlock()?;
        let look = self.look(&repository)?;
        let is_deleted = |snapshot: &&Snapshot| matches!(snapshot.state, SnapshotState::Deleted(_));
        let deleted: Vec<&Snapshot> = look.list.snapshots.iter().filter(is_deleted).collect();
        if deleted.is_empty() {
            return Ok("nothing to bring back".to_owned());
        }
        let run = self.dice.pick(&deleted).origin.run;
        let seen = SeenHistory::default();
        let snapshot = icecore_prune::undo(&repository, &mut self.catalog, run, "test", &seen)?;
        let new = snapshot.origin.run;
        {
            let mut truth = truth.lock().unwrap();
            if let Some(files) = truth.content(run).cloned() {
                truth.completed(new, files);
            }
        }
        self.log(&repository, look, &snapshot)?;
        Ok(format!("brought {run} back as {new}"))
    }

    /// Removes packs once.
    pub(crate) fn prune_once(&mut self) -> CommandResult<PruneReport> {
        let resumable = [Duration::ZERO, Duration::from_mins(10), Duration::from_hours(24 * 30)];
        let options = PruneOptions {
            grace: *self.dice.pick(&[Duration::ZERO, Duration::ZERO, Duration::from_mins(1)]),
            resumable_for: *self.dice.pick(&resumable),
            ..quick()
        };
        self.prune(&options)
    }

    /// Removes packs.
    pub(crate) fn prune(&mut self, options: &PruneOptions) -> CommandResult<PruneReport> {
        let repository = self.unlock()?;
        let (author, seen) = (self.author.clone(), SeenHistory::default());
        let report = icecore_prune::prune(&repository, &mut self.catalog, author, &seen, options, |_, _| {})?;
        if let Some(author) = &report.author {
            self.author = author.clone();
        }
        Ok(report)
    }

    fn read_one(&mut self, truth: &Mutex<Truth>) -> CommandResult<String> {
        let repository = self.unlock()?;
        let list = snapshots::list(&repository, &mut self.catalog)?;
        let Some(snapshot) = self.any_complete(&list) else { return Ok("nothing to read".to_owned()) };
        let run = snapshot.origin.run;
        match self.read(&repository, &snapshot) {
            Ok(files) => {
                truth.lock().unwrap().has_read(run, files);
                Ok(format!("read {run}"))
            }
            Err(error) if truth.lock().unwrap().is_forgotten(run) => Ok(format!("{run} is gone: {error}")),
            Err(error) => Err(error),
        }
    }
}

/// Returns options with which everything that nothing needs goes in a few hours.
pub(crate) fn quick() -> PruneOptions {
    PruneOptions {
        grace: Duration::ZERO,
        fence_after: FENCE_AFTER,
        resumable_for: Duration::ZERO,
        ..PruneOptions::default()
    }
}

/// Returns how packs are written: one call after the other.
pub(crate) fn write_options() -> WriteOptions {
    WriteOptions {
        pack_bytes: 1 << 20,
        uploads_max: Some(NonZeroUsize::MIN),
        compression_level: 1,
        ..WriteOptions::default()
    }
}

fn summary(report: &PruneReport) -> String {
    let (condemned, swept) = (report.packs_condemned, report.swept.packs);
    let doubts: Vec<String> = report.doubts.iter().map(ToString::to_string).collect();
    format!(
        "condemned {condemned}, removed {swept} packs and {} snapshots, ended {}; doubts: {doubts:?}",
        report.swept.snapshots, report.runs_fenced
    )
}

fn request(
    host: &str,
    name: &str,
    source: BackupSource,
    (level, dedup): (Level, Option<DedupScope>),
) -> BackupRequest {
    BackupRequest {
        source,
        name: name.to_owned(),
        host: host.to_owned(),
        level,
        dedup,
        snapshots: None,
        tags: BTreeMap::new(),
        program: "test".to_owned(),
        excludes: Excludes::none(),
        exclude_caches: false,
        one_file_system: false,
        ignored: IgnoredChanges::default(),
        skip: Vec::new(),
        walk_concurrency: 1,
        read_concurrency: 1,
        write: write_options(),
        dry_run: false,
        allow_empty: true,
    }
}
