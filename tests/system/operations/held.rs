//! A restore that takes long holds its snapshot meanwhile.

use icecore_access::{AccessMode, OpenRepository};
use icecore_format::snapshot::{Hold, SnapshotState};
use icecore_repo::{error::RepoError, snapshots};

use super::*;

/// Does something when the restore has begun, before it reads data.
struct Delayed<F>(Restoring, F);

impl<F: FnMut()> RestoreSink for Delayed<F> {
    type Events = ToldOfRestore;

    fn notice(&mut self, notice: SnapshotNotice<'_>) {
        self.0.notice(notice);
    }

    fn may_restore_into(&mut self, target: &Path, directory: &str) -> io::Result<Option<bool>> {
        self.0.may_restore_into(target, directory)
    }

    fn may_delete(&mut self, error: &RestoreError) -> io::Result<bool> {
        self.0.may_delete(error)
    }

    fn begin(&mut self, request: &icecore_restore::RestoreRequest) -> ToldOfRestore {
        (self.1)();
        self.0.begin(request)
    }

    fn end(&mut self, events: ToldOfRestore) {
        self.0.end(events);
    }

    fn failed(&mut self, request: &icecore_restore::RestoreRequest) -> io::Result<()> {
        self.0.failed(request)
    }
}

/// A backed-up source, and the timer of the restores.
struct Bed {
    sandbox: Sandbox,
    root: PathBuf,
    recorder: Arc<Recorder>,
    access: RepositoryAccess,
    witness: WitnessSettings,
    sleep: Arc<InstantSleep>,
}

impl Bed {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        for name in ["a", "b", "c"] {
            sandbox.write(name, vec![7; 100_000]);
        }
        let root = sandbox.path("surface");
        fs::create_dir(&root).unwrap();
        let recorder = Arc::new(Recorder::default());
        let mut access = access(&root, &recorder);
        let sleep = Arc::new(InstantSleep::new());
        access.machine.environment.sleep = Arc::clone(&sleep) as _;
        let witness = witness::settings(&access, Arc::clone(&recorder) as _).unwrap();
        back_up(&access, &witness, &sandbox.source(""));
        Self { sandbox, root, recorder, access, witness, sleep }
    }

    fn open(&self) -> (OpenRepository, RunId) {
        let mut open = self.access.open(AccessMode::Write).unwrap();
        let list = open.snapshots(self.recorder.as_ref()).unwrap();
        let run = list.snapshots[0].origin.run;
        (open, run)
    }

    fn held(&self) -> Option<Hold> {
        let (open, run) = self.open();
        let snapshot = snapshots::stored(&open.repository, run).unwrap().unwrap();
        snapshot.completion().unwrap().hold.clone()
    }

    /// Lets the first hour of the restore pass.
    fn pass_an_hour(&self) {
        until(|| self.sleep.limit_of_the_slowest() == Some(Duration::from_hours(1)));
        self.sleep.expire();
    }

    /// Restores everything, and does this in between.
    fn restore(&self, meanwhile: impl FnMut()) {
        let target = self.root.join("restored");
        let mut sink = Delayed(Restoring::default(), meanwhile);
        let request = request_into(target.clone());
        let restored = restore::run(&self.access, &self.witness, &request, &mut sink).unwrap();
        assert_eq!((restored.report.problem_count, restored.is_forgotten), (0, false));
        assert_same(&read(&self.sandbox.source("")), &read(&target));
    }
}

fn until(condition: impl Fn() -> bool) {
    let (clock, patience) = (SystemClock::new(), Duration::from_mins(1));
    while !condition() {
        assert!(clock.monotonic() < patience, "nothing happens");
        std::thread::yield_now();
    }
}

#[test]
fn a_restore_that_takes_long_holds_its_snapshot_until_it_ends() {
    let bed = Bed::new();
    bed.restore(|| {
        assert_eq!(bed.held(), None);
        bed.pass_an_hour();
        until(|| bed.held().is_some());
        let Hold { reason, until_seconds, placed } = bed.held().unwrap();
        assert_eq!((reason.as_str(), until_seconds), ("restore on surface", Some(placed.seconds + 86_400)));
    });
    assert_eq!(bed.held(), None);
    assert_eq!(*bed.recorder.notices.lock().unwrap(), [""; 0]);
}

#[test]
fn a_restore_that_takes_long_says_that_its_snapshot_was_forgotten() {
    let bed = Bed::new();
    bed.restore(|| {
        let (open, run) = bed.open();
        // As `forget` does.
        let deleted = snapshots::change(&open.repository, run, |snapshot| {
            let SnapshotState::Complete(completion) = snapshot.state.clone() else { unreachable!() };
            snapshot.state = SnapshotState::Deleted(completion);
            Ok::<_, RepoError>(true)
        });
        deleted.unwrap();
        bed.pass_an_hour();
        until(|| !bed.recorder.notices.lock().unwrap().is_empty());
    });
    let notices = bed.recorder.notices.lock().unwrap().clone();
    assert!(notices.len() == 1 && notices[0].starts_with("SnapshotForgotten"), "{notices:?}");
}
