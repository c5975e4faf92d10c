//! Running a check: events, cancelling, failing stores, repositories that change meanwhile.

use std::{
    io,
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use icecore_format::{
    entry::{Content, Time},
    history::Loss,
    layout,
    log::DeletedSnapshot,
    snapshot::DedupScope,
};
use icecore_store::{
    FaultStore, LocalStore, MemoryStore, Method, ObjectInfo, PutCondition, Store, StoreError, StoreExt,
    StoreResult, Version,
    environment::InstantSleep,
    fault::{Fault, FaultPlan, FaultWhen, InjectedError},
};

use super::{
    builder::{Recorder, Repository, Spec, kinds, noise, run, snapshot, usual, wait},
    log::{add_record, logged, name},
};
use crate::{CheckError, CheckOptions, CheckReport, NoEvents, ProblemKind, check};

fn check_store(
    store: Arc<dyn Store>,
    repository: &Repository,
    read_data: bool,
) -> Result<CheckReport, CheckError> {
    let options = CheckOptions { read_data, ..Repository::options() };
    wait(check(store, &repository.keys, &options, &NoEvents, &AtomicBool::new(false)))
}

#[test]
fn events_tell_phases_progress_and_problems() {
    let repository = usual();
    repository.put("foreign", Vec::new());
    let recorder = Recorder::default();
    let options = CheckOptions { read_data: true, ..Repository::options() };
    let store = Arc::clone(&repository.store) as Arc<dyn Store>;
    let report =
        wait(check(store, &repository.keys, &options, &recorder, &AtomicBool::new(false))).expect("check");
    let lines = recorder.lines.into_inner().expect("lock");
    let phases: Vec<_> = lines.iter().filter(|line| line.starts_with("phase")).collect();
    let packs = report.packs;
    assert_eq!(phases[0], "phase snapshots Some(2)");
    assert_eq!(phases[1], &format!("phase directories Some({packs})"));
    assert_eq!(phases[2], &format!("phase packs Some({packs})"));
    assert_eq!(phases[3], "phase manifests None");
    assert_eq!(lines.iter().filter(|line| *line == "problem foreign-object").count(), 1);
    let before_manifests = lines.iter().take_while(|line| !line.contains("manifests"));
    assert_eq!(before_manifests.filter(|line| *line == "progress 1 true").count() as u64, 2 + packs * 2);
    assert!(lines.last().is_some_and(|line| line.starts_with("progress")));
}

#[test]
fn cancelling_ends_the_check() {
    let repository = usual();
    let store = Arc::clone(&repository.store) as Arc<dyn Store>;
    let cancel = AtomicBool::new(true);
    let result = wait(check(store, &repository.keys, &Repository::options(), &NoEvents, &cancel));
    assert!(matches!(result, Err(CheckError::Cancelled)), "{result:?}");
}

#[test]
fn impossible_samples_are_refused() {
    for percent in [-1.0, 100.5, f64::NAN] {
        let repository = Repository::new();
        let options = CheckOptions { sample_percent: Some(percent), ..Repository::options() };
        let store = Arc::clone(&repository.store) as Arc<dyn Store>;
        let result = wait(check(store, &repository.keys, &options, &NoEvents, &AtomicBool::new(false)));
        assert!(matches!(result, Err(CheckError::InvalidSample { .. })), "{result:?}");
    }
}

#[test]
fn the_future_can_move_between_threads_and_use_its_own_pool() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let repository = usual();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("pool");
    let options = CheckOptions { read_data: true, pool: Some(Arc::new(pool)), ..Repository::options() };
    let store = Arc::clone(&repository.store) as Arc<dyn Store>;
    let cancel = AtomicBool::new(false);
    let report =
        wait(assert_send(check(store, &repository.keys, &options, &NoEvents, &cancel))).expect("check");
    assert_eq!(report.problems, []);
}

#[test]
fn a_failing_store_is_an_error_and_no_damage() {
    let repository = usual();
    let calls = {
        let counting = Arc::new(FaultStore::new(
            Arc::clone(&repository.store) as _,
            FaultPlan::new(0),
            Arc::new(InstantSleep::new()),
        ));
        check_store(Arc::clone(&counting) as _, &repository, true).expect("check");
        counting.calls()
    };
    let errors = [InjectedError::Unavailable { retry_after: None }, InjectedError::AccessDenied];
    for error in errors {
        for call in 1..=calls {
            let plan = FaultPlan::new(0).at_call(call, Fault::Error(error.clone()));
            let store =
                FaultStore::new(Arc::clone(&repository.store) as _, plan, Arc::new(InstantSleep::new()));
            let result = check_store(Arc::new(store), &repository, true);
            let Err(failure) = result else { panic!("call {call} failed unnoticed") };
            assert!(matches!(failure, CheckError::Store { .. }), "call {call}: {failure}");
            assert_eq!(failure.is_transient(), error != InjectedError::AccessDenied);
        }
    }
}

#[test]
fn shortened_and_altered_answers_never_panic() {
    let repository = usual();
    for fault in [Fault::Truncate(0), Fault::Truncate(100), Fault::FlipBit] {
        for prefix in ["data/", "meta/manifest/", "meta/packs/", "meta/snapshots/", "meta/keys/", "icecore"] {
            let plan = FaultPlan::new(3).rule(Some(Method::Get), prefix, FaultWhen::Always, fault.clone());
            let store =
                FaultStore::new(Arc::clone(&repository.store) as _, plan, Arc::new(InstantSleep::new()));
            let report = check_store(Arc::new(store), &repository, true).expect("check");
            assert!(!report.is_healthy(), "{fault:?} {prefix}");
        }
    }
}

/// What a [`ScriptStore`] does before a call: the call's name, and its key or prefix.
type Script = Box<dyn FnMut(&MemoryStore, &str, &str) -> StoreResult<()> + Send>;

/// A store that runs a script before each call.
struct ScriptStore {
    inner: Arc<MemoryStore>,
    script: Mutex<Script>,
}

impl std::fmt::Debug for ScriptStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ScriptStore")
    }
}

impl ScriptStore {
    fn run(&self, method: &str, key: &str) -> StoreResult<()> {
        (self.script.lock().expect("lock"))(&self.inner, method, key)
    }
}

#[async_trait]
impl Store for ScriptStore {
    fn location(&self) -> String {
        self.inner.location()
    }
    async fn get(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<Bytes> {
        self.run("get", key)?;
        self.inner.get(key, range).await
    }
    async fn get_versioned(&self, key: &str) -> StoreResult<(Bytes, Version)> {
        self.inner.get_versioned(key).await
    }
    async fn put(&self, key: &str, bytes: Bytes, condition: PutCondition) -> StoreResult<Version> {
        self.inner.put(key, bytes, condition).await
    }
    async fn head(&self, key: &str) -> StoreResult<ObjectInfo> {
        self.run("head", key)?;
        self.inner.head(key).await
    }
    async fn list(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
        self.run("list", prefix)?;
        self.inner.list(prefix).await
    }
    async fn delete(&self, key: &str, version: Option<Version>) -> StoreResult<()> {
        self.inner.delete(key, version).await
    }
}

fn check_with_script(
    repository: &Repository,
    script: impl FnMut(&MemoryStore, &str, &str) -> StoreResult<()> + Send + 'static,
) -> CheckReport {
    let script: Script = Box::new(script);
    let store = ScriptStore { inner: Arc::clone(&repository.store), script: Mutex::new(script) };
    check_store(Arc::new(store), repository, true).expect("check")
}

#[test]
fn a_bad_sector_is_damage_and_does_not_stop_the_check() {
    let repository = usual();
    for prefix in ["data/", "meta/manifest/", "meta/packs/", "meta/snapshots/"] {
        let bad = repository.keys_below(prefix).remove(0);
        let unreadable = bad.clone();
        let report = check_with_script(&repository, move |_, method, key| {
            if method == "get" && key == unreadable {
                let source = io::Error::from_raw_os_error(5);
                return Err(StoreError::Io { operation: "get", key: key.to_owned(), source });
            }
            Ok(())
        });
        assert!(kinds(&report).contains(&ProblemKind::ObjectUnreadable), "{prefix}: {:?}", report.problems);
        assert!(report.problems.iter().any(|problem| problem.object.as_deref() == Some(bad.as_str())));
        assert!(!snapshot(&report, run(1)).restorable, "{prefix}");
    }
}

/// Makes a repository with a pack that is not needed, and returns the keys of the pack and of its directory.
fn with_garbage() -> (Repository, String, String) {
    let mut repository = usual();
    let garbage = Spec { run: run(8), group: run(8), dedup: DedupScope::Repository, files: [].into() };
    repository.store_content(&garbage, &noise(88, 100));
    let pack = repository.keys_below(&format!("data/{}/", run(8))).remove(0);
    let (_, name) = pack.rsplit_once('/').expect("key");
    let directory = format!("{}{name}", layout::PACKS_PREFIX);
    (repository, pack, directory)
}

#[test]
fn a_pack_that_is_swept_during_the_check_is_no_damage() {
    // While listing everything, looking for the pack, opening the pack's directory, reading the pack.
    for moment in [("list", ""), ("get", "meta/packs/"), ("get", "data/"), ("list", "meta/packs/")] {
        let (repository, pack, directory) = with_garbage();
        let done = AtomicBool::new(false);
        let report = check_with_script(&repository, move |store, method, key| {
            if method == moment.0 && key.starts_with(moment.1) && !done.swap(true, Ordering::Relaxed) {
                wait_here(store.delete(&directory, None));
                wait_here(store.delete(&pack, None));
            }
            Ok(())
        });
        assert!(report.is_healthy(), "{moment:?}: {:?}", report.problems);
        assert!(report.problems.iter().all(|problem| problem.kind == ProblemKind::ObjectVanished));
    }
}

/// Drives a call of the memory store, which never waits.
fn wait_here<T>(future: impl Future<Output = StoreResult<T>>) {
    use futures_util::FutureExt;
    future.now_or_never().expect("the memory store never waits").expect("store");
}

#[test]
fn chunks_that_a_pruner_moves_during_the_check_are_found() {
    let mut repository = usual();
    let before: Vec<_> = repository.keys_below("");
    // The pruner's new packs: the same chunks again, under another run.
    let mut spec = super::builder::usual_spec(1);
    (spec.run, spec.group, spec.dedup) = (run(50), run(50), DedupScope::Group);
    let entries = repository.entries(&spec);
    assert!(entries.iter().any(|entry| matches!(entry.content, Content::List(_))));
    let moved: Vec<_> = repository.keys_below("").into_iter().filter(|key| !before.contains(key)).collect();
    let objects: Vec<_> = moved.iter().map(|key| (key.clone(), repository.get(key))).collect();
    for key in &moved {
        repository.delete(key);
    }
    let old = before
        .iter()
        .filter(|key| key.starts_with(&format!("data/{0}/{0}-", run(1))))
        .cloned()
        .collect::<Vec<_>>();
    let done = AtomicBool::new(false);
    let report = check_with_script(&repository, move |store, method, key| {
        // Directories have been listed and are being opened.
        if method == "get" && key.starts_with(layout::PACKS_PREFIX) && !done.swap(true, Ordering::Relaxed) {
            for (key, bytes) in &objects {
                wait_here(store.create(key, Bytes::from(bytes.clone())));
            }
            for pack in &old {
                let (_, name) = pack.rsplit_once('/').expect("key");
                wait_here(store.delete(&format!("{}{name}", layout::PACKS_PREFIX), None));
                wait_here(store.delete(pack, None));
            }
        }
        Ok(())
    });
    assert!(report.is_healthy(), "{:?}", report.problems);
    assert!(kinds(&report).iter().all(|kind| *kind == ProblemKind::ObjectVanished), "{:?}", kinds(&report));
}

#[test]
fn a_backup_that_ends_during_the_check_is_no_damage() {
    let mut grown = usual();
    let repository = grown.fork();
    let mut spec = super::builder::usual_spec(60);
    spec.files.insert(b"more".to_vec(), noise(61, 5_000));
    grown.add_snapshot(&spec);
    let old = repository.keys_below("");
    let new: Vec<_> = grown.keys_below("").into_iter().filter(|key| !old.contains(key)).collect();
    let objects: Vec<_> = new.iter().map(|key| (key.clone(), grown.get(key))).collect();
    for at in ["meta/snapshots/", "meta/packs/", ""] {
        let (fork, objects) = (repository.fork(), objects.clone());
        let done = AtomicBool::new(false);
        let report = check_with_script(&fork, move |store, method, key| {
            if method == "list" && key == at && !done.swap(true, Ordering::Relaxed) {
                for (key, bytes) in &objects {
                    wait_here(store.create(key, Bytes::from(bytes.clone())));
                }
            }
            Ok(())
        });
        assert_eq!(report.problems, [], "{at}");
    }
}

#[test]
fn a_local_directory_is_checked_like_memory() {
    let repository = usual();
    let directory = tempfile::tempdir().expect("directory");
    let local = LocalStore::create(&directory.path().join("repository")).expect("store");
    for key in repository.keys_below("") {
        wait(local.create(&key, Bytes::from(repository.get(&key)))).expect("put");
    }
    let report = check_store(Arc::new(local), &repository, true).expect("check");
    let expected = repository.check_data();
    let keys = |report: &CheckReport| report.listed.iter().map(|info| info.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&report), keys(&expected));
    // Each store has its own versions and times.
    assert_eq!(report, CheckReport { listed: report.listed.clone(), ..expected });
}

/// Runs a check, and changes the store before a prefix is listed for the `time`-th time.
fn check_while_listing(
    repository: &Repository,
    prefix: &'static str,
    time: u64,
    change: impl Fn(&MemoryStore) + Send + 'static,
) -> CheckReport {
    let times = AtomicU64::new(0);
    check_with_script(repository, move |store, method, key| {
        if method == "list" && key == prefix && times.fetch_add(1, Ordering::Relaxed) + 1 == time {
            change(store);
        }
        Ok(())
    })
}

#[test]
fn a_snapshot_that_is_deleted_during_the_check_is_not_missed() {
    let (mut repository, records) = logged();
    let before = repository.fork();
    let time = Time::default();
    let deleted = DeletedSnapshot { run: run(2), reason: "old".to_owned(), time };
    let record = add_record(&mut repository, name(2, 2), &records, |record| record.deleted.push(deleted));
    let key = layout::log_key(record.name);
    let object = repository.get(&key);
    // The log has been read by then.
    let report = check_while_listing(&before, layout::SNAPSHOTS_PREFIX, 1, move |store| {
        wait_here(store.create(&key, Bytes::from(object.clone())));
        wait_here(store.delete(&layout::snapshot_key(run(2)), None));
    });
    assert_eq!(report.losses, []);
    assert!(report.is_healthy(), "{:?}", report.problems);
}

/// Checks all data; at the first call of this method for this prefix, the second snapshot goes with its
/// packs, after the log has named it or without that.
fn check_while_swept(moment: (&'static str, &'static str), is_named: bool) -> CheckReport {
    let (mut repository, records) = logged();
    let before = repository.fork();
    let time = Time::default();
    let deleted = DeletedSnapshot { run: run(2), reason: "old".to_owned(), time };
    let record = add_record(&mut repository, name(2, 2), &records, |record| record.deleted.push(deleted));
    let key = layout::log_key(record.name);
    let object = repository.get(&key);
    let own = run(2).to_string();
    let packs = [layout::PACKS_PREFIX, layout::DATA_PREFIX, layout::MANIFEST_PREFIX].into_iter();
    let packs = packs.flat_map(|prefix| before.keys_below(prefix)).filter(|key| key.contains(&own));
    let swept: Vec<String> = [layout::snapshot_key(run(2))].into_iter().chain(packs).collect();
    let done = AtomicBool::new(false);
    check_with_script(&before, move |store, method, prefix| {
        if method == moment.0 && prefix.starts_with(moment.1) && !done.swap(true, Ordering::Relaxed) {
            if is_named {
                wait_here(store.create(&key, Bytes::from(object.clone())));
            }
            for key in &swept {
                wait_here(store.delete(key, None));
            }
        }
        Ok(())
    })
}

#[test]
fn a_snapshot_that_is_forgotten_and_swept_during_the_check_is_no_damage() {
    for moment in
        [("list", "meta/packs/"), ("get", "meta/packs/"), ("get", "data/"), ("get", "meta/manifest/")]
    {
        let report = check_while_swept(moment, true);
        assert!(report.is_healthy(), "{moment:?}: {:?}", report.problems);
        assert!(
            kinds(&report).iter().all(|kind| *kind == ProblemKind::ObjectVanished),
            "{:?}",
            kinds(&report)
        );
        assert!(report.snapshots.iter().map(|snapshot| snapshot.run).eq([run(1)]), "{:?}", report.snapshots);
        // Nobody has deleted it on purpose.
        let report = check_while_swept(moment, false);
        assert!(!report.is_healthy(), "{moment:?}");
        assert!(!snapshot(&report, run(2)).restorable);
    }
}

#[test]
fn a_record_that_is_written_while_the_log_is_listed_is_not_missed() {
    // The listing has already passed its name; one that refers to it is listed.
    let (repository, records) = logged();
    let before = repository.fork();
    let key = layout::log_key(records[0].name);
    let object = repository.get(&key);
    before.delete(&key);
    let report = check_while_listing(&before, layout::SNAPSHOTS_PREFIX, 1, move |store| {
        wait_here(store.create(&key, Bytes::from(object.clone())));
    });
    assert_eq!(report.losses, []);
    assert!(report.is_healthy(), "{:?}", report.problems);
}

#[test]
fn a_snapshot_that_is_completed_during_the_check_is_not_missed_because_another_one_is() {
    let (repository, _) = logged();
    let later = repository.fork();
    // The second snapshot is completed, and its record is written, after the snapshots were listed; the first
    // is lost.
    let (snapshot, record) = (layout::snapshot_key(run(2)), layout::log_key(name(1, 2)));
    let objects = [&snapshot, &record].map(|key| (key.clone(), later.get(key)));
    for key in [&snapshot, &record, &layout::log_key(name(2, 1)), &layout::snapshot_key(run(1))] {
        repository.delete(key);
    }
    let report = check_while_listing(&repository, layout::LOG_PREFIX, 2, move |store| {
        for (key, object) in &objects {
            wait_here(store.create(key, Bytes::from(object.clone())));
        }
    });
    assert!(
        matches!(&report.losses[..], [Loss::Snapshot { snapshot, .. }] if snapshot.run == run(1)),
        "{:?}",
        report.losses
    );
}
