//! Operations without a command line: a typed request as input, events during the work, and a document at the
//! end. This code knows neither terminals nor command-line arguments nor the environment.

mod held;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use icecore_access::{
    AccessEvents, AccessNotice, Allowance, CacheSettings, CredentialSource, Directories, GivenCredentials,
    Machine, Prompt, RepositoryAccess, Surroundings, Usage, creation::KeyChoice,
};
use icecore_backup::events::{BackupEvents, BackupNotice, BackupProgress, SourceProblem};
use icecore_fixtures::{documented::assert_documented, threads};
use icecore_format::{ids::RunId, node::Totals, snapshot::Level};
use icecore_operations::{
    backup::{
        self, BackupDocument, BackupOptions, BackupRequest, BackupRunEvents, BackupRunNotice, ChosenSettings,
        SourceReport,
    },
    documents::ErrorDocument,
    error::OperationError,
    init::{CreatedDocument, InitRequest},
    ls::{self, ListedEntry, LsRequest, LsSink},
    reference,
    restore::{self, Base, Include, RestoreRequest, RestoreSink, SnapshotNotice, TargetChoice},
    witness,
};
use icecore_policy::{Configuration, S3Settings};
use icecore_repo::environment::Environment;
use icecore_restore::{
    OwnerMapping, RestoreAction, RestoreError, RestoreEvents, RestoreNotice, RestoreProblem, RestoreProgress,
};
use icecore_store::{
    Environment as StoreEnvironment, RepositoryLocation, Stop,
    environment::{Clock, InstantSleep, SeededEntropy, SystemClock},
};
use icecore_witness::{WitnessEvents, WitnessNotice, WitnessSettings};
use jiff::tz::TimeZone;
use zeroize::Zeroizing;

use crate::harness::{Sandbox, assert_same, read};

/// A surface that only records what it receives, and cannot ask anybody.
#[derive(Debug, Default)]
struct Recorder {
    notices: Mutex<Vec<String>>,
}

impl Recorder {
    fn note(&self, notice: impl std::fmt::Debug) {
        self.notices.lock().unwrap().push(format!("{notice:?}"));
    }
}

impl AccessEvents for Recorder {
    fn notice(&self, notice: AccessNotice<'_>) {
        self.note(notice);
    }
}

impl WitnessEvents for Recorder {
    fn notice(&self, notice: &WitnessNotice<'_>) {
        self.note(notice);
    }
}

impl Prompt for Recorder {
    fn can_ask(&self) -> bool {
        false
    }

    fn password(&self, _: &str) -> io::Result<Zeroizing<Vec<u8>>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A clock that advances by a second at each look, so that progress is due however fast the work is.
#[derive(Debug)]
struct FastClock(SystemClock, AtomicU64);

impl Clock for FastClock {
    fn now(&self) -> SystemTime {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.1.fetch_add(1, Ordering::Relaxed))
    }
}

fn machine() -> Machine {
    let store_environment = StoreEnvironment {
        clock: Arc::new(FastClock(SystemClock::new(), AtomicU64::new(0))),
        entropy: Arc::new(SeededEntropy::new(7)),
        sleep: Arc::new(InstantSleep::new()),
    };
    let stop = Stop::default();
    let environment = Environment {
        clock: Arc::clone(&store_environment.clock),
        entropy: Arc::clone(&store_environment.entropy),
        sleep: Arc::clone(&store_environment.sleep),
        runtime: threads::runtime(),
        workers: threads::workers(),
        cancelled: stop.flag(),
    };
    Machine {
        environment,
        store_environment,
        stop,
        waits: Arc::default(),
        allowance: Allowance { workers: 2, store_calls: 8, is_scarce: false, memory_bytes: None },
        shared_file_system: icecore_fs::shared_file_system,
        host: "surface".to_owned(),
        program: "a test".to_owned(),
        zone: TimeZone::UTC,
    }
}

fn access(root: &Path, recorder: &Arc<Recorder>) -> RepositoryAccess {
    let below = |name: &str| Some(root.join(name));
    let key = CredentialSource::KeyFile(root.join("first.key"));
    RepositoryAccess {
        machine: machine(),
        location: Some(RepositoryLocation::Local(root.join("repository"))),
        credentials: GivenCredentials { command_line: vec![key], ..GivenCredentials::default() },
        s3: S3Settings::default(),
        network_time_max: None,
        cache: CacheSettings { directory: below("cache"), ..CacheSettings::default() },
        directories: Directories {
            configuration: below("config"),
            cache: below("cache"),
            state: below("state"),
        },
        surroundings: Surroundings::default(),
        requests: Arc::default(),
        prompt: Arc::clone(recorder) as _,
        events: Arc::clone(recorder) as _,
    }
}

/// Events of a backup or a restore.
#[derive(Debug, Default)]
struct Told {
    begun: AtomicU64,
    progress: AtomicU64,
    ended: AtomicU64,
    created: Mutex<Option<CreatedDocument>>,
}

struct ToldOfSource<'a>(&'a Told);

impl BackupEvents for ToldOfSource<'_> {
    fn started(&self, level: Level, _: Option<RunId>, _: Option<Totals>) {
        assert_eq!(level, Level::Full);
        self.0.begun.fetch_add(1, Ordering::Relaxed);
    }

    fn progress(&self, progress: &BackupProgress) {
        assert!(progress.files <= 3);
        self.0.progress.fetch_add(1, Ordering::Relaxed);
    }

    fn problem(&self, problem: &SourceProblem) {
        panic!("{problem:?}");
    }

    fn notice(&self, notice: &BackupNotice) {
        assert!(matches!(notice, BackupNotice::FirstIsFull), "{notice:?}");
    }
}

impl BackupRunEvents for Told {
    fn notice(&self, notice: &BackupRunNotice<'_>) {
        panic!("{notice:?}");
    }

    fn created(&self, created: &CreatedDocument) -> io::Result<()> {
        *self.created.lock().unwrap() = Some(created.clone());
        Ok(())
    }

    fn begin_source(&self, name: &str) -> Box<dyn BackupEvents + '_> {
        assert_eq!(name, "source");
        Box::new(ToldOfSource(self))
    }

    fn end_source(&self, source: &SourceReport) -> io::Result<()> {
        assert!(source.result.is_ok(), "{source:?}");
        self.ended.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn no_error(error: &OperationError) -> ErrorDocument {
    panic!("{error}");
}

fn back_up(access: &RepositoryAccess, witness: &WitnessSettings, source: &Path) -> serde_json::Value {
    let told = Told::default();
    let choice = backup::SourceChoice { paths: vec![source.to_owned()], ..Default::default() };
    let sources = backup::plan(choice, &ChosenSettings::default(), &Configuration::default()).unwrap();
    let options = BackupOptions {
        host: None,
        level: Level::Incremental,
        dedup: None,
        create: Some(InitRequest::new(KeyChoice::Given)),
        dry_run: false,
    };
    let request = BackupRequest { sources, options, working_directory: None };
    let prepared = backup::prepare(access, request, &told).unwrap();
    let report = backup::run(access, witness, prepared, &told).unwrap();
    assert_eq!(told.begun.into_inner(), 1);
    assert!(told.progress.into_inner() > 0);
    assert_eq!(told.ended.into_inner(), 1);
    assert!(told.created.into_inner().unwrap().is_some());
    let document = BackupDocument::new(&report, &no_error);
    assert_documented(&document);
    serde_json::to_value(document).unwrap()
}

#[derive(Default)]
struct Paths(Vec<Vec<u8>>, bool);

impl LsSink for Paths {
    fn entry(&mut self, listed: &ListedEntry<'_, '_>) -> io::Result<()> {
        assert_documented(&listed.document());
        self.0.push(listed.entry.path.clone());
        Ok(())
    }

    fn end(&mut self, _: &Usage) -> io::Result<()> {
        self.1 = true;
        Ok(())
    }
}

/// A receiver of a restore that does not expect questions.
#[derive(Debug, Default)]
struct Restoring(Arc<Told>);

struct ToldOfRestore(Arc<Told>);

impl RestoreSink for Restoring {
    type Events = ToldOfRestore;

    fn notice(&mut self, notice: SnapshotNotice<'_>) {
        panic!("{notice:?}");
    }

    fn may_restore_into(&mut self, target: &Path, _: &str) -> io::Result<Option<bool>> {
        panic!("{target:?}");
    }

    fn may_delete(&mut self, error: &RestoreError) -> io::Result<bool> {
        panic!("{error}");
    }

    fn begin(&mut self, _: &icecore_restore::RestoreRequest) -> ToldOfRestore {
        ToldOfRestore(Arc::clone(&self.0))
    }

    fn end(&mut self, _: ToldOfRestore) {}

    fn failed(&mut self, request: &icecore_restore::RestoreRequest) -> io::Result<()> {
        panic!("{request:?}");
    }
}

impl RestoreEvents for ToldOfRestore {
    fn started(&self, _: Option<Totals>) {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
    }

    fn progress(&self, _: &RestoreProgress) {
        self.0.progress.fetch_add(1, Ordering::Relaxed);
    }

    fn action(&self, _: RestoreAction, _: &[u8]) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }

    fn problem(&self, problem: &RestoreProblem) {
        panic!("{problem:?}");
    }

    fn notice(&self, notice: &RestoreNotice) {
        panic!("{notice:?}");
    }
}

fn restore_into(access: &RepositoryAccess, witness: &WitnessSettings, target: PathBuf) -> serde_json::Value {
    let mut sink = Restoring::default();
    let restored = restore::run(access, witness, &request_into(target), &mut sink).unwrap();
    assert_eq!(sink.0.begun.load(Ordering::Relaxed), 1);
    assert!(sink.0.progress.load(Ordering::Relaxed) > 0);
    assert!(sink.0.ended.load(Ordering::Relaxed) >= 3);
    let document = restored.document(|notice| panic!("{notice:?}"));
    assert_documented(&document);
    serde_json::to_value(document).unwrap()
}

fn request_into(target: PathBuf) -> RestoreRequest {
    RestoreRequest {
        reference: reference::read("source@latest".as_ref()).unwrap(),
        target: TargetChoice::Directory(target),
        include: Include::new(Vec::new()).unwrap(),
        base: Base::Any,
        delete: false,
        delete_excluded: false,
        is_confirmed: false,
        verify: true,
        trust_times: false,
        target_metadata: false,
        ignores_rollback: false,
        dry_run: false,
        owners: OwnerMapping::ByName,
    }
}

#[test]
fn a_backup_a_listing_and_a_restore_need_no_command_line() {
    let sandbox = Sandbox::new();
    sandbox.write("a/small", "content");
    sandbox.write("a/other", vec![7; 3 << 20]);
    sandbox.write("empty", "");
    let root = sandbox.path("surface");
    fs::create_dir(&root).unwrap();
    let recorder = Arc::new(Recorder::default());
    let access = access(&root, &recorder);
    let witness = witness::settings(&access, Arc::clone(&recorder) as _).unwrap();

    let made = back_up(&access, &witness, &sandbox.source(""));
    assert_eq!(made["sources"][0]["files"], 3, "{made:#}");
    assert_eq!(made["sources"][0]["snapshot"]["host"], "surface");
    assert_eq!(made["created"]["key_file_generated"], true);

    let mut paths = Paths::default();
    let request = LsRequest {
        reference: reference::read("latest:a".as_ref()).unwrap(),
        recursive: true,
        ignores_rollback: false,
    };
    ls::run(&access, &witness, &request, &mut paths).unwrap();
    assert_eq!(paths.0, [b"a/other".to_vec(), b"a/small".to_vec()]);
    assert!(paths.1);

    let target = root.join("restored");
    let restored = restore_into(&access, &witness, target.clone());
    assert_eq!(restored["files_written"], 3, "{restored:#}");
    assert_eq!(restored["problem_count"], 0);
    assert_same(&read(&sandbox.source("")), &read(&target));
    assert_eq!(*recorder.notices.lock().unwrap(), [""; 0]);
}

#[test]
fn an_error_is_a_value_without_advice() {
    let sandbox = Sandbox::new();
    let recorder = Arc::new(Recorder::default());
    let access = access(&sandbox.path("surface"), &recorder);
    let witness = witness::settings(&access, Arc::clone(&recorder) as _).unwrap();
    let request = LsRequest {
        reference: reference::read("latest".as_ref()).unwrap(),
        recursive: false,
        ignores_rollback: false,
    };
    let error = ls::run(&access, &witness, &request, &mut Paths::default()).unwrap_err();
    assert!(matches!(error, OperationError::Access(_)), "{error:?}");
    assert!(!error.to_string().contains("--"), "{error}");
}
