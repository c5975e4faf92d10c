use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use icecore_fixtures::{keys, threads};
use icecore_format::{
    header::Parameters,
    history::Fate,
    ids::RepositoryId,
    layout::{LOG_PREFIX, snapshot_key},
    slot::PasswordCost,
};
use icecore_repo::{
    manifest::ManifestWriter,
    repository::CreateOptions,
    session::{CommitReport, SessionOrigin, WriteOptions, WriteSession},
};
use icecore_store::{
    environment::{InstantSleep, ManualClock, SeededEntropy},
    memory::MemoryStore,
    store::Store,
};

use super::*;
use crate::{notice::WitnessEvents, recollection::resident};

const ID: RepositoryId = RepositoryId([1; 16]);

/// Keeps the names of notices.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<&'static str>>);

impl WitnessEvents for Heard {
    fn notice(&self, notice: &WitnessNotice<'_>) {
        self.0.lock().unwrap().push(match notice {
            WitnessNotice::FirstUseHere { elsewhere: Some("/one") } => "first use, whole",
            WitnessNotice::OlderCopy { elsewhere: Some(_), .. } => "older copy",
            WitnessNotice::Lost(Findings { other: None, losses: [_], .. }) => "one loss",
            WitnessNotice::Lost(Findings { other: Some(_), losses: [], .. }) => "other repository",
            WitnessNotice::RepositoryForgotten { .. } => "forgotten",
            _ => "something else",
        });
    }
}

/// A host with a repository.
struct Host {
    state: tempfile::TempDir,
    repository: Repository,
    heard: Arc<Heard>,
}

impl Host {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let environment = Environment {
            clock: Arc::clone(&clock) as _,
            entropy: Arc::new(SeededEntropy::new(1)),
            sleep: Arc::new(InstantSleep::new()),
            runtime: threads::runtime(),
            workers: threads::workers(),
            cancelled: Arc::default(),
        };
        let options = CreateOptions {
            parameters: Parameters::default(),
            credential: keys::key_file(1),
            cost: PasswordCost::default(),
            label: "test".to_owned(),
            program: "test".to_owned(),
        };
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(clock));
        Self {
            state: tempfile::tempdir().unwrap(),
            repository: Repository::create(store, environment, ID, &options).unwrap(),
            heard: Arc::default(),
        }
    }

    fn settings(&self, location: &str) -> WitnessSettings {
        WitnessSettings {
            state_directory: Some(self.state.path().to_owned()),
            location: location.to_owned(),
            host: "host".to_owned(),
            program: "test".to_owned(),
            environment: self.repository.environment().clone(),
            events: Arc::clone(&self.heard) as _,
        }
    }

    fn begin(&self, location: &str) -> Watch {
        let mut catalog = Catalog::in_memory(ID).unwrap();
        Watch::begin(&self.settings(location), &self.repository, &mut catalog).unwrap().0
    }

    /// Acts like a command that reads, and returns the reported notices.
    fn look(&self, location: &str) -> Vec<&'static str> {
        let mut watch = self.begin(location);
        watch.tell();
        watch.save(&self.repository);
        self.heard()
    }

    fn heard(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.heard.0.lock().unwrap())
    }

    /// Makes an empty snapshot and adds it to the log.
    fn back_up(&self, location: &str) -> Snapshot {
        let mut watch = self.begin(location);
        let mut catalog = Catalog::in_memory(ID).unwrap();
        let origin = SessionOrigin::first_full("source", "host", b"/root", "test");
        let repository = self.repository.clone();
        let mut session =
            WriteSession::begin(repository, &mut catalog, origin, WriteOptions::default()).unwrap();
        let root = ManifestWriter::new(4).finish(&mut session).unwrap();
        let (snapshot, _) = session.commit(&root, &CommitReport::default()).unwrap();
        watch.completed(&self.repository, Some(&mut catalog), Some(&snapshot));
        snapshot
    }

    fn remove(&self, snapshot: &Snapshot) {
        threads::wait(self.repository.store().delete(&snapshot_key(snapshot.origin.run), None)).unwrap();
    }
}

#[test]
fn a_snapshot_that_disappears_is_reported_until_it_is_accepted() {
    let host = Host::new();
    let snapshot = host.back_up("/one");
    assert_eq!(host.look("/one"), [""; 0]);
    host.remove(&snapshot);
    for _ in 0..2 {
        assert_eq!(host.look("/one"), ["one loss"]);
    }
    let mut watch = host.begin("/one");
    assert!(watch.is_alarmed());
    let findings = watch.findings();
    assert!(matches!(findings.losses, [Loss::Snapshot { fate: Fate::Vanished, .. }]), "{findings:?}");
    let mut catalog = Catalog::in_memory(ID).unwrap();
    assert_eq!(watch.accept_everything(&host.repository, &mut catalog).unwrap(), (0, 1));
    assert!(!watch.is_alarmed());
    watch.save(&host.repository);
    assert_eq!(host.look("/one"), [""; 0]);
}

#[test]
fn a_repository_at_a_new_location_is_compared_with_the_old_one() {
    let host = Host::new();
    let snapshot = host.back_up("/one");
    assert_eq!(host.look("/two"), ["first use, whole"]);
    assert_eq!(host.look("/two"), [""; 0]);
    // An older copy has neither the snapshot nor the record that names it.
    let store = host.repository.store();
    for object in threads::wait(store.list(LOG_PREFIX)).unwrap() {
        threads::wait(store.delete(&object.key, None)).unwrap();
    }
    host.remove(&snapshot);
    assert_eq!(host.look("/three"), ["older copy"]);
}

#[test]
fn another_repository_at_the_location_is_reported() {
    let host = Host::new();
    host.back_up("/one");
    assert_eq!(resident(&host.settings("/one")).unwrap().repository, ID);
    settle(&host.settings("/one"), RepositoryId([9; 16])).unwrap();
    assert_eq!(host.look("/one"), ["other repository"]);
    let mut watch = host.begin("/one");
    watch.accept_everything(&host.repository, &mut Catalog::in_memory(ID).unwrap()).unwrap();
    watch.save(&host.repository);
    assert_eq!(host.look("/one"), [""; 0]);
}

#[test]
fn what_cannot_be_read_is_reported_and_begun_again() {
    let host = Host::new();
    host.back_up("/one");
    let file = state::repository_file(host.state.path(), ID, "/one");
    std::fs::write::<&Path, _>(&file, "damaged").unwrap();
    assert_eq!(host.look("/one"), ["forgotten"]);
    assert_eq!(host.look("/one"), [""; 0]);
}
