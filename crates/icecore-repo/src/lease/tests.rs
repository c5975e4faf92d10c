use icecore_format::{ids::RunId, layout::snapshot_key};
use icecore_store::{
    environment::{Clock, InstantSleep, SystemClock},
    fault::{Fault, FaultPlan, FaultStore, InjectedError},
    method::Method,
    store::{PutCondition, Store},
};

use super::{held::put, *};
use crate::{
    bed::{self, Bed, commit, key_file, wait, write_manifest},
    repository::LockedRepository,
    session::{WriteOptions, WriteSession},
};

/// A session whose timer the test drives.
struct Timed {
    bed: Bed,
    sleep: Arc<InstantSleep>,
    store: Arc<FaultStore>,
    session: Option<WriteSession<'static>>,
}

impl Timed {
    fn new(plan: FaultPlan) -> Self {
        let bed = Bed::new();
        let sleep = Arc::new(InstantSleep::advancing(Arc::clone(&bed.clock)));
        let store = Arc::new(FaultStore::new(bed.store(), plan, Arc::new(InstantSleep::new())));
        let environment = crate::environment::Environment {
            sleep: Arc::clone(&sleep) as _,
            ..bed::environment(&bed.clock, 5)
        };
        let plain: Arc<dyn Store> = Arc::<FaultStore>::clone(&store);
        let repository = LockedRepository::find(plain, environment).unwrap().unlock(&[key_file(7)]).unwrap();
        let options = WriteOptions { pack_bytes: 1 << 20, ..WriteOptions::default() };
        let catalog = Box::leak(Box::new(bed.catalog()));
        let session = Some(WriteSession::begin(repository, catalog, bed::origin(), options).unwrap());
        Self { bed, sleep, store, session }
    }

    fn run(&self) -> RunId {
        self.session.as_ref().unwrap().run()
    }

    /// Returns how often the object of the run was written, or tried to be.
    fn puts(&self) -> usize {
        let key = snapshot_key(self.run());
        self.store.trace().iter().filter(|call| call.method == Method::Put && call.key == key).count()
    }

    /// Lets the timer of the lease run out, and waits until the task has done what is then due.
    fn expire(&self) {
        let puts = self.puts();
        until(|| self.sleep.limit_of_the_slowest().is_some());
        self.sleep.expire();
        until(|| self.puts() > puts);
        until(|| self.sleep.limit_of_the_slowest().is_some());
    }

    fn refreshed(&self) -> i64 {
        match self.bed.snapshots().by_run(self.run()).unwrap().state {
            SnapshotState::Pending { refreshed } => refreshed.seconds,
            ref state => panic!("{state:?}"),
        }
    }

    fn commit(mut self) -> RepoResult<Snapshot> {
        let mut session = self.session.take().unwrap();
        let root = write_manifest(&mut session, &[])?;
        commit(session, &root)
    }
}

/// Waits for what the task does.
fn until(mut condition: impl FnMut() -> bool) {
    let clock = SystemClock::new();
    while !condition() {
        assert!(clock.monotonic() < Duration::from_mins(1), "the task does nothing");
        std::thread::yield_now();
    }
}

/// Lets the refreshing task fail in this way at its first attempt.
fn at_first_refresh(fault: Fault) -> FaultPlan {
    let calls = Timed::new(FaultPlan::new(0)).store.calls();
    FaultPlan::new(0).at_call(calls + 1, fault)
}

#[test]
fn an_own_object_whose_reply_was_lost_is_not_a_fence() {
    let bed = Bed::new();
    let run = RunId::new(1, [1; 10]);
    let put = |object: &[u8], condition| wait(put(&bed.repository, run, object, condition));
    let version = put(b"pending", PutCondition::Absent).unwrap();
    assert_eq!(put(b"pending", PutCondition::Absent).unwrap(), version);
    let stale = PutCondition::Version(version);
    let complete = put(b"complete", stale.clone()).unwrap();
    assert_eq!(put(b"complete", stale.clone()).unwrap(), complete);
    for object in [&b"pending"[..], b"aborted"] {
        assert!(matches!(put(object, stale.clone()), Err(RepoError::Fenced)));
    }
    bed.remove(&snapshot_key(run));
    assert!(matches!(put(b"complete", stale), Err(RepoError::Fenced)));
}

#[test]
fn a_run_that_does_nothing_shows_that_it_is_alive() {
    let timed = Timed::new(FaultPlan::new(0));
    let began = timed.refreshed();
    assert_eq!(timed.puts(), 1, "a short run writes its object once");
    for times in 1..=3 {
        timed.expire();
        assert_eq!(timed.refreshed(), began + 300 * times);
    }
    assert_eq!(timed.puts(), 4);
    // The step of the run has nothing to do then.
    let mut timed = timed;
    timed.session.as_mut().unwrap().refresh_if_due().unwrap();
    assert_eq!(timed.puts(), 4);
    let store = Arc::clone(&timed.store);
    let sleep = Arc::clone(&timed.sleep);
    timed.commit().unwrap();
    let calls = store.calls();
    sleep.expire();
    assert_eq!(store.calls(), calls, "the task ends with the lease");
}

#[test]
fn a_refresh_that_fails_is_tried_again_and_ends_no_run() {
    let timed = Timed::new(at_first_refresh(Fault::Error(InjectedError::NoSpace)));
    let began = timed.refreshed();
    timed.expire();
    assert_eq!(timed.refreshed(), began, "the first attempt failed");
    timed.expire();
    assert_eq!((timed.puts(), timed.refreshed()), (3, began + 300), "the same object is written");
    timed.commit().unwrap();
}

#[test]
fn a_refresh_whose_reply_was_lost_is_not_a_fence() {
    // The next change is another refresh.
    let timed = Timed::new(at_first_refresh(Fault::LostReply));
    timed.expire();
    timed.expire();
    timed.expire();
    timed.commit().unwrap();
    // The next change is the commit.
    let timed = Timed::new(at_first_refresh(Fault::LostReply));
    timed.expire();
    timed.commit().unwrap();
}

#[test]
fn the_next_step_of_a_run_learns_that_the_task_found_it_ended() {
    let mut timed = Timed::new(FaultPlan::new(0));
    let key = snapshot_key(timed.run());
    timed.bed.remove(&key);
    let puts = timed.puts();
    until(|| timed.sleep.limit_of_the_slowest().is_some());
    timed.sleep.expire();
    until(|| timed.puts() > puts);
    let session = timed.session.as_mut().unwrap();
    until(|| session.refresh_if_due().is_err());
    let calls = timed.store.calls();
    assert!(matches!(session.refresh_if_due(), Err(RepoError::Fenced)));
    assert_eq!(timed.store.calls(), calls);
    assert!(matches!(timed.commit(), Err(RepoError::Fenced)));
}
