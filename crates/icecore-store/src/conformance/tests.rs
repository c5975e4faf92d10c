use std::{
    num::{NonZeroU64, NonZeroUsize},
    ops::Range,
};

use async_trait::async_trait;

use super::*;
use crate::{
    environment::{Environment, InstantSleep, ManualClock, SeededEntropy},
    fault::{Fault, FaultPlan, FaultStore, InjectedError},
    limit::{LimitStore, Limits},
    local::LocalStore,
    memory::MemoryStore,
    meter::MeterStore,
    read_only::ReadOnlyStore,
    retry::{RetryPolicy, RetryStore},
    store::{ObjectInfo, PutCondition, StoreResult},
};

fn environment() -> Environment {
    let clock = Arc::new(ManualClock::default());
    let sleep = Arc::new(InstantSleep::advancing(Arc::clone(&clock)));
    Environment { clock, entropy: Arc::new(SeededEntropy::new(5)), sleep }
}

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(environment().clock))
}

/// Returns `inner` behind all decorators that change nothing permanently, with a burst of transient faults in
/// the middle.
fn decorated(inner: Arc<dyn Store>, seed: u64) -> Arc<dyn Store> {
    let environment = environment();
    let plan = FaultPlan::new(seed)
        .per_mille(20, Fault::Error(InjectedError::Unavailable { retry_after: None }))
        .per_mille(20, Fault::Error(InjectedError::Io(std::io::ErrorKind::TimedOut)))
        .per_mille(50, Fault::LostReply);
    let faulty = Arc::new(FaultStore::new(inner, plan, Arc::clone(&environment.sleep)));
    // No time limit here: the waits of all other tasks move the shared clock.
    let policy = RetryPolicy { total_max: std::time::Duration::MAX, ..RetryPolicy::default() };
    Arc::new(RetryStore::new(faulty, policy, environment))
}

fn limited(inner: Arc<dyn Store>) -> Arc<dyn Store> {
    let limits = Limits {
        calls_max: NonZeroUsize::new(4).unwrap(),
        upload_bytes_per_second_max: Some(NonZeroU64::new(1_000_000).unwrap()),
        download_bytes_per_second_max: Some(NonZeroU64::new(1_000_000).unwrap()),
    };
    Arc::new(LimitStore::new(inner, limits, &environment()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_behind_decorators_conforms() {
    for seed in 0..10 {
        run(decorated(memory(), seed), "c/").await.unwrap();
    }
    run(limited(memory()), "c/").await.unwrap();
    run(Arc::new(MeterStore::new(memory())), "c/").await.unwrap();
    let faultless = FaultStore::new(memory(), FaultPlan::new(0), Arc::new(InstantSleep::new()));
    run(Arc::new(faultless), "c/").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn local_behind_decorators_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let local: Arc<dyn Store> = Arc::new(LocalStore::open(directory.path()).unwrap());
    run(decorated(Arc::clone(&local), 1), "c/").await.unwrap();
    run(limited(Arc::clone(&local)), "c/").await.unwrap();
    run(Arc::new(MeterStore::new(Arc::clone(&local))), "c/").await.unwrap();
    let faultless = FaultStore::new(Arc::clone(&local), FaultPlan::new(0), Arc::new(InstantSleep::new()));
    run(Arc::new(faultless), "c/").await.unwrap();
    assert!(local.list("").await.unwrap().is_empty());
}

#[tokio::test]
async fn the_users_objects_are_left_alone() {
    let store = memory();
    store.create("c/users", Bytes::new()).await.unwrap();
    store.create("cc", Bytes::new()).await.unwrap();
    let refused = run(Arc::clone(&store), "c/").await;
    assert!(
        matches!(refused, Err(ConformanceError::NotEmpty { ref key, .. }) if key == "c/users"),
        "{refused:?}"
    );
    assert!(run(Arc::clone(&store), "").await.is_err());
    run(Arc::clone(&store), "fresh/").await.unwrap();
    let keys: Vec<_> = store.list("").await.unwrap().into_iter().map(|object| object.key).collect();
    assert_eq!(keys, ["c/users", "cc"]);
    for prefix in ["c", "/", "a b/", &("x/".repeat(400))] {
        assert!(
            matches!(run(memory(), prefix).await, Err(ConformanceError::InvalidPrefix { .. })),
            "{prefix}"
        );
    }
}

#[tokio::test]
async fn a_store_that_fails_is_told_from_one_that_breaks_a_rule() {
    let read_only = run(Arc::new(ReadOnlyStore::new(memory())), "c/").await;
    assert!(matches!(read_only, Err(ConformanceError::Failed { source: StoreError::ReadOnly { .. }, .. })));
}

/// What a broken store does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    Overwrites,
    IgnoresVersions,
    ChecksThenWrites,
    DeletesAnyVersion,
    FailsOnDeletingNothing,
    ListsOnePage,
    ListsInTreeOrder,
    ListsByText,
    AcceptsAnyKey,
    ClipsNoRange,
    GivesEmptyRanges,
    SharesVersions,
    ReportsOldVersion,
    LosesLongTails,
}

/// A memory store with a bug.
#[derive(Debug)]
struct Broken {
    inner: MemoryStore,
    bug: Bug,
}

impl Broken {
    fn disguised(&self, version: Version) -> Version {
        if self.bug == Bug::SharesVersions { Version("always".to_owned()) } else { version }
    }

    async fn write(&self, key: &str, bytes: Bytes) -> StoreResult<Version> {
        match self.inner.head(key).await {
            Ok(head) => self.inner.replace(key, bytes, head.version).await,
            Err(_) => self.inner.create(key, bytes).await,
        }
    }
}

#[async_trait]
impl Store for Broken {
    fn location(&self) -> String {
        "broken".to_owned()
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<Bytes> {
        match range {
            Some(range) if self.bug == Bug::ClipsNoRange => {
                let bytes = self.inner.get(key, None).await?;
                if range.end > bytes.len() as u64 {
                    let (start, end, size) = (range.start, range.end, bytes.len() as u64);
                    return Err(StoreError::InvalidRange { key: key.to_owned(), size, start, end });
                }
                self.inner.get(key, Some(range)).await
            }
            Some(range) if self.bug == Bug::GivesEmptyRanges => {
                match self.inner.get(key, Some(range)).await {
                    Err(StoreError::InvalidRange { .. }) => Ok(Bytes::new()),
                    result => result,
                }
            }
            range => self.inner.get(key, range).await,
        }
    }

    async fn get_versioned(&self, key: &str) -> StoreResult<(Bytes, Version)> {
        let (bytes, version) = self.inner.get_versioned(key).await?;
        if self.bug == Bug::ReportsOldVersion {
            return Ok((bytes, Version("old".to_owned())));
        }
        Ok((bytes, self.disguised(version)))
    }

    async fn put(&self, key: &str, mut bytes: Bytes, condition: PutCondition) -> StoreResult<Version> {
        if self.bug == Bug::LosesLongTails {
            bytes.truncate(5 << 20);
        }
        let is_invalid = matches!(self.inner.head(key).await, Err(StoreError::InvalidKey { .. }));
        match (self.bug, &condition) {
            (Bug::AcceptsAnyKey, _) if is_invalid => Ok(Version("any".to_owned())),
            (Bug::Overwrites, PutCondition::Absent) if !is_invalid => self.write(key, bytes).await,
            (Bug::IgnoresVersions, PutCondition::Version(_)) => self.write(key, bytes).await,
            (Bug::ChecksThenWrites, PutCondition::Version(version)) => {
                match self.inner.head(key).await {
                    Ok(head) if head.version == *version => {}
                    _ => return Err(StoreError::VersionMismatch { key: key.to_owned() }),
                }
                tokio::task::yield_now().await;
                self.write(key, bytes).await
            }
            (Bug::SharesVersions, PutCondition::Version(version)) if version.0 == "always" => {
                match self.inner.head(key).await {
                    Ok(_) => self.write(key, bytes).await.map(|version| self.disguised(version)),
                    Err(_) => Err(StoreError::VersionMismatch { key: key.to_owned() }),
                }
            }
            _ => self.inner.put(key, bytes, condition).await.map(|version| self.disguised(version)),
        }
    }

    async fn head(&self, key: &str) -> StoreResult<ObjectInfo> {
        let mut head = self.inner.head(key).await?;
        head.version = self.disguised(head.version);
        Ok(head)
    }

    async fn list(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
        if self.bug == Bug::ListsByText && !prefix.ends_with('/') {
            let all = self.inner.list("").await?;
            return Ok(all.into_iter().filter(|object| object.key.starts_with(prefix)).collect());
        }
        let mut objects = self.inner.list(prefix).await?;
        if self.bug == Bug::ListsOnePage {
            objects.truncate(1_000);
        }
        if self.bug == Bug::ListsInTreeOrder {
            objects.sort_by_key(|object| object.key.split('/').map(str::to_owned).collect::<Vec<_>>());
        }
        Ok(objects)
    }

    async fn delete(&self, key: &str, version: Option<Version>) -> StoreResult<()> {
        let version = version.filter(|_| self.bug != Bug::DeletesAnyVersion);
        if self.bug == Bug::FailsOnDeletingNothing {
            self.inner.head(key).await?;
        }
        self.inner.delete(key, version).await
    }
}

#[tokio::test]
async fn every_bug_is_found() {
    for (bug, words) in [
        (Bug::Overwrites, "never overwrites"),
        (Bug::IgnoresVersions, "needs the object's present version"),
        (Bug::ChecksThenWrites, "none is lost"),
        (Bug::DeletesAnyVersion, "conditional deletion"),
        (Bug::FailsOnDeletingNothing, "deleting a missing object"),
        (Bug::ListsOnePage, "more than 1,000"),
        (Bug::ListsInTreeOrder, "sorted by key"),
        (Bug::ListsByText, "not a key with / behind it"),
        (Bug::AcceptsAnyKey, "keys of another form"),
        (Bug::ClipsNoRange, "ends beyond the object"),
        (Bug::GivesEmptyRanges, "range that is empty"),
        (Bug::SharesVersions, "changes it"),
        (Bug::ReportsOldVersion, "kept apart"),
        (Bug::LosesLongTails, "large object"),
    ] {
        let inner = MemoryStore::new(environment().clock);
        let error = run(Arc::new(Broken { inner, bug }), "c/").await.unwrap_err();
        assert!(error.to_string().contains(words), "{bug:?}: {error}");
    }
}

#[test]
fn long_values_are_shortened() {
    assert_eq!(shortened("ä"), "\"ä\"");
    assert_eq!(shortened(&"ä".repeat(1_000)).chars().count(), 201);
}
