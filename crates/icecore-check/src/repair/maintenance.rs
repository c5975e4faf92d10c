//! The handle that may change a repository. Without it, code can only read.

use std::{
    collections::BTreeMap,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use icecore_format::{
    collection::{CollectionRecord, Condemned},
    entry::Time,
    error::FormatError,
    header::Header,
    ids::RunId,
    keys::Keys,
    layout,
    seal::Salt,
    snapshot::{DedupScope, Level, Snapshot, SnapshotOrigin, SnapshotState},
};
use icecore_store::{
    ObjectInfo, PutCondition, Store, StoreError, Version,
    environment::{Clock, Entropy},
};

use super::plan::{RepairOutcome, StoredObject};
use crate::error::CheckError;

/// Name of the source under which a repair announces itself.
const SOURCE: &str = "repair";
/// The announcement is refreshed after this much time.
const REFRESH_EVERY: Duration = Duration::from_mins(5);

/// How often the records of collections are listed at most, if some are removed before they are read.
const LOOKS_MAX: u32 = 8;

/// What a repair needs from the process that it runs in.
#[derive(Clone)]
pub struct RepairEnvironment {
    /// Source of time.
    pub clock: Arc<dyn Clock>,
    /// Source of salts and names.
    pub entropy: Arc<dyn Entropy>,
    /// Pool for CPU work; the global one if absent.
    pub pool: Option<Arc<rayon::ThreadPool>>,
    /// Name of this machine.
    pub host: String,
    /// Program and version.
    pub program: String,
}

impl fmt::Debug for RepairEnvironment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RepairEnvironment").field("host", &self.host).finish_non_exhaustive()
    }
}

/// A repair in progress: the only type in this crate that writes and deletes.
///
/// It is a run like a backup, with a pending snapshot, so its packs have their own names and a pruner waits
/// for it. It ends as aborted, because it makes no snapshot.
pub struct Maintenance {
    pub(super) store: Arc<dyn Store>,
    pub(super) keys: Arc<Keys>,
    pub(super) environment: RepairEnvironment,
    /// Number of the next pack.
    pub(super) packs: u32,
    pub(super) outcome: RepairOutcome,
    snapshot: Snapshot,
    version: Version,
    refreshed: Duration,
    /// Packs that were about to be removed when the repair had announced itself. Collections that begin later
    /// wait for the repair.
    condemned: Condemned,
}

impl fmt::Debug for Maintenance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Maintenance").field("run", &self.run()).finish_non_exhaustive()
    }
}

impl Maintenance {
    /// Announces a repair, and then reads the records of collections, as every writer does (decision 0024).
    /// Fails if a record does not open, or a newer version of the program maintains the repository.
    pub async fn begin(
        store: Arc<dyn Store>,
        keys: &Keys,
        environment: RepairEnvironment,
    ) -> Result<Self, CheckError> {
        let header = store
            .get(layout::HEADER_KEY, None)
            .await
            .map_err(|source| read_failed(layout::HEADER_KEY, source))?;
        let header = Header::open(keys, &header).map_err(|source| make_failed(layout::HEADER_KEY, source))?;
        if header.read_only {
            return Err(CheckError::NewerMaintenance);
        }
        let snapshot = announcement(&environment);
        let key = layout::snapshot_key(snapshot.origin.run);
        let object = snapshot
            .seal(keys, &draw_salt(&*environment.entropy))
            .map_err(|source| make_failed(&key, source))?;
        let put = store.put(&key, object.into(), PutCondition::Absent).await;
        let version = put.map_err(|source| change_failed(&key, source))?;
        let refreshed = environment.clock.monotonic();
        let outcome = RepairOutcome::default();
        let keys = Arc::new(keys.clone());
        let condemned = Condemned::default();
        let mut maintenance =
            Self { store, keys, environment, packs: 0, outcome, snapshot, version, refreshed, condemned };
        match read_condemned(&*maintenance.store, &maintenance.keys).await {
            Ok(condemned) => {
                maintenance.condemned = condemned;
                Ok(maintenance)
            }
            Err(error) => {
                maintenance.end("it could not begin").await?;
                Err(error)
            }
        }
    }

    /// Returns the run that names everything that the repair writes.
    pub fn run(&self) -> RunId {
        self.snapshot.origin.run
    }

    /// Ends the repair; `reason` tells people how.
    pub async fn finish(mut self, reason: &str) -> Result<(), CheckError> {
        self.end(reason).await
    }

    async fn end(&mut self, reason: &str) -> Result<(), CheckError> {
        self.replace_announcement(SnapshotState::Aborted { reason: format!("repair: {reason}") }).await
    }

    /// Fails if packs were condemned between a plan and the announcement: the plan may rely on them.
    pub(super) fn require_known(&self, planned: &Condemned) -> Result<(), CheckError> {
        let (mut packs, mut dead) = (self.condemned.packs(), self.condemned.dead_runs().iter());
        let is_known =
            packs.all(|pack| planned.is_condemned(pack)) && dead.all(|run| planned.dead_runs().contains(run));
        let object = layout::GC_PREFIX.to_owned();
        if is_known { Ok(()) } else { Err(CheckError::Changed { object }) }
    }

    /// Refreshes the announcement if it is due; fails if the repair was ended.
    pub(super) async fn proceed(&mut self) -> Result<(), CheckError> {
        let now = self.environment.clock.monotonic();
        if now.saturating_sub(self.refreshed) < REFRESH_EVERY {
            return Ok(());
        }
        let refreshed = time_of(self.environment.clock.now());
        self.replace_announcement(SnapshotState::Pending { refreshed }).await?;
        self.refreshed = now;
        Ok(())
    }

    async fn replace_announcement(&mut self, state: SnapshotState) -> Result<(), CheckError> {
        let key = layout::snapshot_key(self.run());
        let next = Snapshot { origin: self.snapshot.origin.clone(), state };
        let object = next.seal(&self.keys, &self.salt()).map_err(|source| make_failed(&key, source))?;
        let condition = PutCondition::Version(self.version.clone());
        self.version = match self.store.put(&key, object.into(), condition).await {
            Ok(version) => version,
            Err(StoreError::VersionMismatch { .. } | StoreError::NotFound { .. }) => {
                return Err(CheckError::Fenced);
            }
            Err(source) => return Err(change_failed(&key, source)),
        };
        self.snapshot = next;
        Ok(())
    }

    /// Draws a fresh salt.
    pub(super) fn salt(&self) -> Salt {
        draw_salt(&*self.environment.entropy)
    }

    /// Reads an object, which must be in its planned state.
    pub(super) async fn read(&self, object: &StoredObject) -> Result<Bytes, CheckError> {
        match self.store.get_versioned(&object.key).await {
            Ok((bytes, version)) if version == object.version => Ok(bytes),
            Ok(_) | Err(StoreError::NotFound { .. }) => Err(changed(object)),
            Err(source) => Err(read_failed(&object.key, source)),
        }
    }

    /// Writes an object that does not exist yet.
    pub(super) async fn create(&self, key: &str, bytes: Bytes) -> Result<(), CheckError> {
        match self.store.put(key, bytes, PutCondition::Absent).await {
            Ok(_) => Ok(()),
            Err(StoreError::AlreadyExists { .. }) => Err(CheckError::Changed { object: key.to_owned() }),
            Err(source) => Err(change_failed(key, source)),
        }
    }

    /// Replaces an object, which must be in its planned state.
    pub(super) async fn replace(&self, object: &StoredObject, bytes: Bytes) -> Result<(), CheckError> {
        let condition = PutCondition::Version(object.version.clone());
        match self.store.put(&object.key, bytes, condition).await {
            Ok(_) => Ok(()),
            Err(StoreError::VersionMismatch { .. } | StoreError::NotFound { .. }) => Err(changed(object)),
            Err(source) => Err(change_failed(&object.key, source)),
        }
    }

    /// Copies an object into quarantine.
    pub(super) async fn copy_aside(&mut self, object: &StoredObject) -> Result<(), CheckError> {
        let bytes = self.read(object).await?;
        let key = layout::quarantine_key(self.run(), &object.key);
        self.create(&key, bytes).await?;
        self.outcome.quarantined.push(key);
        Ok(())
    }

    /// Deletes an object that has been copied, if it is in its planned state.
    pub(super) async fn delete(&self, object: &StoredObject) -> Result<(), CheckError> {
        match self.store.delete(&object.key, Some(object.version.clone())).await {
            Ok(()) => Ok(()),
            Err(StoreError::VersionMismatch { .. }) => Err(changed(object)),
            Err(source) => Err(change_failed(&object.key, source)),
        }
    }

    /// Copies objects into quarantine, and only then deletes them: packs before their directories. A writer
    /// that begins in between ignores a pack that is missing, but would list a pack that has no directory.
    pub(super) async fn retire(&mut self, objects: &[StoredObject]) -> Result<(), CheckError> {
        for object in objects {
            self.copy_aside(object).await?;
        }
        let is_directory = |object: &&StoredObject| object.key.starts_with(layout::PACKS_PREFIX);
        let (directories, others): (Vec<_>, Vec<_>) = objects.iter().partition(is_directory);
        for object in others.into_iter().chain(directories) {
            self.delete(object).await?;
        }
        Ok(())
    }
}

/// Reads the records of all collections.
///
/// If one is removed before it is read, all are listed again: a newer one, which repeats what still counts,
/// may be missing in the first listing.
async fn read_condemned(store: &dyn Store, keys: &Keys) -> Result<Condemned, CheckError> {
    for _ in 0..LOOKS_MAX {
        let listed = store.list(layout::GC_PREFIX).await;
        let listed = listed.map_err(|source| read_failed(layout::GC_PREFIX, source))?;
        let mut records = Vec::new();
        let mut is_complete = true;
        for ObjectInfo { key, .. } in listed {
            match store.get(&key, None).await {
                Ok(object) => {
                    let record = layout::parse_collection_key(&key)
                        .and_then(|number| CollectionRecord::open(keys, number, &object));
                    let object = key;
                    records.push(record.map_err(|source| CheckError::Collection { object, source })?);
                }
                Err(StoreError::NotFound { .. }) => is_complete = false,
                Err(source) => return Err(read_failed(&key, source)),
            }
        }
        if is_complete {
            return Ok(Condemned::of(&records));
        }
    }
    Err(CheckError::Changed { object: layout::GC_PREFIX.to_owned() })
}

fn announcement(environment: &RepairEnvironment) -> Snapshot {
    let wall = environment.clock.now();
    let mut random = [0; 10];
    environment.entropy.fill(&mut random);
    let after = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let run = RunId::new(after.as_millis() as u64, random);
    let now = time_of(wall);
    let origin = SnapshotOrigin {
        run,
        source: SOURCE.to_owned(),
        host: environment.host.clone(),
        root: Vec::new(),
        command: Vec::new(),
        started: now,
        level: Level::Full,
        dedup: DedupScope::Repository,
        group: run,
        base: None,
        tags: BTreeMap::new(),
        program: environment.program.clone(),
        copy_of: None,
        sequence: 0,
    };
    Snapshot { origin, state: SnapshotState::Pending { refreshed: now } }
}

fn draw_salt(entropy: &dyn Entropy) -> Salt {
    let mut salt = Salt::default();
    entropy.fill(&mut salt);
    salt
}

/// Converts a system time; times before 1970 become 1970.
pub(super) fn time_of(time: SystemTime) -> Time {
    let after = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time { seconds: after.as_secs().cast_signed(), nanoseconds: after.subsec_nanos() }
}

fn changed(object: &StoredObject) -> CheckError {
    CheckError::Changed { object: object.key.clone() }
}

pub(super) fn read_failed(key: &str, source: StoreError) -> CheckError {
    CheckError::Store { object: key.to_owned(), source }
}

pub(super) fn change_failed(key: &str, source: StoreError) -> CheckError {
    CheckError::Change { object: key.to_owned(), source }
}

pub(super) fn make_failed(key: &str, source: FormatError) -> CheckError {
    CheckError::Make { object: key.to_owned(), source }
}
