//! Copies between the repository and another one that nobody else uses.

use std::sync::{Arc, LazyLock, Mutex, RwLock};

use icecore_catalog::Catalog;
use icecore_copy::{
    CopyEvents, CopyPlan, CopyProgress, CopyRequest, CopyTarget, KnownChunks, SOURCE_CACHE_BYTES,
    TargetSnapshots, copy_snapshot, plan_copy,
};
use icecore_format::snapshot::Snapshot;
use icecore_prune::{ReaderHold, ReaderHoldState};
use icecore_repo::{
    index::load_index, reader::ChunkReader, repository::Repository, session::Continuation, snapshots,
};

use crate::{
    beginning::{Beginning, empty, history},
    bucket::Bucket,
    commands::write_options,
    dice::Dice,
    machine::{CommandResult, Machine, OTHER_REPOSITORY},
    truth::{Files, Truth},
    world::clock,
};

/// Its history has snapshots of several levels.
const HISTORY_SEED: u64 = 3;

/// A repository with some snapshots, from which machines copy.
static OTHER: LazyLock<Beginning> =
    LazyLock::new(|| history(&empty(OTHER_REPOSITORY), OTHER_REPOSITORY, HISTORY_SEED));

/// Receiver that ignores everything.
struct Silent;

impl CopyEvents for Silent {
    fn progress(&self, _: &CopyProgress) {}
}

/// Makes a machine that uses the other repository, which no scheduler holds up.
fn other_machine(seed: u64) -> Machine {
    let bucket = Arc::new(Bucket::new(clock(), &OTHER.objects));
    let mut machine = Machine::new(101, bucket, clock(), Dice::new(seed));
    machine.catalog = Catalog::in_memory(OTHER_REPOSITORY).unwrap();
    machine
}

impl Machine {
    /// Copies a snapshot of the other repository into this one.
    pub(crate) fn copy_in(&mut self, truth: &Mutex<Truth>) -> CommandResult<String> {
        let mut other = other_machine(self.dice.next());
        let source = other.unlock()?;
        let list = snapshots::list(&source, &mut other.catalog)?;
        let snapshot = self.any_complete(&list).ok_or("the other repository is empty")?;
        let repository = self.unlock()?;
        let look = self.look(&repository)?;
        let copies = TargetSnapshots::new(repository.id(), &look.list);
        let identity = snapshot.origin.identity(source.id());
        if let Some(copy) = copies.find(identity) {
            return Ok(format!("{} is there already", copy.origin.run));
        }
        let plan = plan_copy(source.id(), &list, &copies, &snapshot);
        let reader = reader(&source, &mut other.catalog)?;
        let copy = copy(&reader, &repository, &mut self.catalog, (&snapshot, plan))?;
        let files = OTHER.truth.content(snapshot.origin.run).cloned().ok_or("an unknown snapshot")?;
        truth.lock().unwrap().completed(copy.origin.run, files);
        self.log(&repository, look, &copy)?;
        Ok(format!("copied {} as {}", snapshot.origin.run, copy.origin.run))
    }

    /// Copies a snapshot of this repository into the other one, and reads the copy. While it works, it holds
    /// the snapshot.
    pub(crate) fn copy_out(&mut self, truth: &Mutex<Truth>) -> CommandResult<String> {
        let repository = self.unlock()?;
        let list = snapshots::list(&repository, &mut self.catalog)?;
        let Some(snapshot) = self.any_complete(&list) else { return Ok("nothing to copy".to_owned()) };
        let run = snapshot.origin.run;
        let mut hold = ReaderHold::new(run, "copy");
        let state = hold.place(&repository)?;
        if state == ReaderHoldState::Forgotten {
            return Ok(format!("{run} is gone"));
        }
        let copied = self.copy_out_held(&repository, &list, &snapshot);
        let released = hold.release(&repository);
        let mut truth = truth.lock().unwrap();
        match copied {
            Ok(files) => truth.has_read(run, files),
            // A hold is only sure to last if the clock of whoever forgets is right.
            Err(error) if truth.is_forgotten(run) => return Ok(format!("{run} is gone: {error}")),
            Err(error) => return Err(error),
        }
        released?;
        Ok(format!("copied {run}"))
    }

    fn copy_out_held(
        &mut self,
        repository: &Repository,
        list: &snapshots::SnapshotList,
        snapshot: &Snapshot,
    ) -> CommandResult<Files> {
        let mut other = other_machine(self.dice.next());
        let target = other.unlock()?;
        let there = snapshots::list(&target, &mut other.catalog)?;
        let copies = TargetSnapshots::new(target.id(), &there);
        let plan = plan_copy(repository.id(), list, &copies, snapshot);
        let reader = reader(repository, &mut self.catalog)?;
        let copy = copy(&reader, &target, &mut other.catalog, (snapshot, plan))?;
        other.read(&target, &copy)
    }
}

fn reader(repository: &Repository, catalog: &mut Catalog) -> CommandResult<ChunkReader> {
    let index = load_index(repository, catalog, None)?.index;
    Ok(ChunkReader::new(repository.clone(), Arc::new(RwLock::new(index)), SOURCE_CACHE_BYTES))
}

fn copy(
    source: &ChunkReader,
    target: &Repository,
    catalog: &mut Catalog,
    (snapshot, plan): (&Snapshot, CopyPlan),
) -> CommandResult<Snapshot> {
    let request = CopyRequest {
        snapshot,
        plan,
        program: "test".to_owned(),
        write: write_options(),
        fetch_concurrency: 1,
    };
    let target = CopyTarget { repository: target, catalog, continuation: &mut Continuation::default() };
    Ok(copy_snapshot(source, target, &request, &mut KnownChunks::default(), &Silent)?.snapshot)
}
