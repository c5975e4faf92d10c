//! A check in progress: the store with a memory budget, the pool, and the list of problems.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use icecore_format::{
    error::{FormatError, FormatResult},
    keys::Keys,
    pack::BlockOpener,
};
use icecore_store::{ObjectInfo, Store, StoreError};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

use crate::{
    error::CheckError,
    events::{CheckEvents, CheckPhase},
    options::CheckOptions,
    report::{CheckProblem, ProblemKind, Severity},
    retained::Retained,
    words::counted,
};

/// The memory budget is counted in units of this many bytes.
const BUDGET_UNIT_BYTES: u64 = 64 << 10;
/// This fraction (one divided by this) of the memory is for bytes that are needed again.
const RETAINED_SHARE: u64 = 8;
/// Maximum number of problems of one kind that are listed one by one; the others are only counted.
pub(crate) const PROBLEMS_LISTED_MAX: u64 = 1_000;

/// Result of reading an object.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// Its bytes, or those of the range; fewer than requested if the object is shorter.
    Bytes(Bytes),
    /// There is no such object.
    Absent,
    /// The medium cannot read the bytes; text of the error.
    Unreadable(String),
}

/// Result of reading and opening a listed object.
#[derive(Debug)]
pub(crate) enum Opened<T> {
    /// Result of the opening.
    Value(T),
    /// The object no longer exists; this has been reported as a note.
    Vanished,
    /// The object could not be read; this has been reported as damage.
    Unreadable,
}

/// Problems in the order of the report: the worst first, and otherwise in an order that does not depend on
/// chance.
type ListedProblem = (Reverse<Severity>, ProblemKind, Option<String>, String);

#[derive(Debug, Default)]
struct Findings {
    listed: BTreeSet<ListedProblem>,
    counts: BTreeMap<ProblemKind, Count>,
    /// Keys of all objects with a problem, however many they are.
    suspects: BTreeSet<String>,
}

/// Number of problems of one kind.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    listed: u64,
    omitted: u64,
}

/// Tools for opening blocks, to be reused: an opener and a buffer for each active job.
#[derive(Debug, Default)]
pub(crate) struct Tools(Mutex<Vec<(BlockOpener, Vec<u8>)>>);

impl Tools {
    /// Lends an opener and a buffer with unspecified content to `work`.
    pub(crate) fn lend<T>(&self, work: impl FnOnce(&mut BlockOpener, &mut Vec<u8>) -> T) -> FormatResult<T> {
        let waiting = self.lock().pop();
        let (mut opener, mut buffer) = match waiting {
            Some(tools) => tools,
            None => (BlockOpener::new()?, Vec::new()),
        };
        let done = work(&mut opener, &mut buffer);
        self.lock().push((opener, buffer));
        Ok(done)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(BlockOpener, Vec<u8>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything that the parts of one check share.
pub(crate) struct Session<'a> {
    store: Arc<dyn Store>,
    keys: Arc<Keys>,
    tools: Arc<Tools>,
    options: &'a CheckOptions,
    events: &'a dyn CheckEvents,
    cancel: &'a AtomicBool,
    budget: Semaphore,
    budget_units: u32,
    findings: Mutex<Findings>,
    bytes_read: AtomicU64,
    retained: Retained,
}

impl<'a> Session<'a> {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        keys: &Keys,
        options: &'a CheckOptions,
        events: &'a dyn CheckEvents,
        cancel: &'a AtomicBool,
    ) -> Self {
        let retained_bytes = options.memory_bytes_max / RETAINED_SHARE;
        let retained = Retained::new(retained_bytes);
        for (key, object) in options.fetched.iter() {
            retained.keep(key, 0, object, true);
        }
        let units = (options.memory_bytes_max - retained_bytes) / BUDGET_UNIT_BYTES;
        let budget_units = u32::try_from(units).unwrap_or(u32::MAX).max(1);
        Self {
            store,
            keys: Arc::new(keys.clone()),
            tools: Arc::default(),
            options,
            events,
            cancel,
            budget: Semaphore::new(budget_units as usize),
            budget_units,
            findings: Mutex::default(),
            bytes_read: AtomicU64::new(0),
            retained,
        }
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Returns the keys for a job of the pool.
    pub(crate) fn share_keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys)
    }

    /// Returns the tools for opening blocks for a job of the pool.
    pub(crate) fn share_tools(&self) -> Arc<Tools> {
        Arc::clone(&self.tools)
    }

    pub(crate) fn options(&self) -> &'a CheckOptions {
        self.options
    }

    /// Returns the maximum number of concurrent store calls.
    pub(crate) fn concurrency(&self) -> usize {
        self.options.concurrency.max(1)
    }

    pub(crate) fn phase_begins(&self, phase: CheckPhase, objects_total: Option<usize>) {
        self.events.phase_begins(phase, objects_total.map(|total| total as u64));
    }

    pub(crate) fn progress(&self, objects: usize, bytes: u64) {
        self.events.progress(objects as u64, bytes);
    }

    /// Fails if the caller has cancelled the check.
    pub(crate) fn fail_if_cancelled(&self) -> Result<(), CheckError> {
        if self.cancel.load(Ordering::Relaxed) { Err(CheckError::Cancelled) } else { Ok(()) }
    }

    fn findings(&self) -> MutexGuard<'_, Findings> {
        // Nothing is left half-done under this lock.
        self.findings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a problem, unless the same one has been noted before.
    pub(crate) fn report(&self, kind: ProblemKind, object: Option<&str>, detail: String) {
        let severity = kind.severity();
        let object = object.map(str::to_owned);
        let mut findings = self.findings();
        let Findings { listed, counts, suspects } = &mut *findings;
        if let Some(object) = &object
            && !suspects.contains(object)
        {
            suspects.insert(object.clone());
        }
        let count = counts.entry(kind).or_default();
        if count.listed >= PROBLEMS_LISTED_MAX {
            count.omitted += 1;
        } else if listed.insert((Reverse(severity), kind, object.clone(), detail.clone())) {
            count.listed += 1;
            self.events.problem_found(&CheckProblem { severity, object, kind, detail });
        }
    }

    /// Counts further problems of a kind, without naming them.
    pub(crate) fn report_more(&self, kind: ProblemKind, problems: u64) {
        if problems > 0 {
            self.findings().counts.entry(kind).or_default().omitted += problems;
        }
    }

    /// Notes that an object does not open.
    pub(crate) fn report_format(&self, kind: ProblemKind, object: &str, error: &FormatError) {
        let kind = match error {
            FormatError::UnsupportedVersion { .. }
            | FormatError::UnsupportedFeature { .. }
            | FormatError::UnknownState { .. } => ProblemKind::FormatUnsupported,
            _ => kind,
        };
        self.report(kind, Some(object), error.to_string());
    }

    /// Returns whether a problem of this kind was noted.
    pub(crate) fn has_reported(&self, kind: ProblemKind) -> bool {
        self.findings().counts.contains_key(&kind)
    }

    /// Returns the keys of all objects with a problem.
    pub(crate) fn suspects(&self) -> BTreeSet<String> {
        self.findings().suspects.clone()
    }

    /// Ends the session: returns all problems and the number of bytes that were read.
    pub(crate) fn finish(self) -> (Vec<CheckProblem>, u64) {
        let Findings { listed, counts, .. } =
            self.findings.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut problems: Vec<_> = listed
            .into_iter()
            .map(|(Reverse(severity), kind, object, detail)| CheckProblem { severity, object, kind, detail })
            .collect();
        for (kind, Count { omitted, .. }) in counts {
            if omitted > 0 {
                let detail = format!("{} of this kind", counted(omitted, "more problem"));
                let problem = CheckProblem { severity: kind.severity(), object: None, kind, detail };
                self.events.problem_found(&problem);
                problems.push(problem);
            }
        }
        (problems, self.bytes_read.into_inner())
    }

    /// Runs `work` on the pool.
    pub(crate) async fn compute<T, Work>(&self, work: Work) -> Result<T, CheckError>
    where
        T: Send + 'static,
        Work: FnOnce() -> T + Send + 'static,
    {
        compute(self.options.pool.as_deref(), work).await
    }

    /// Waits until `bytes` fit into the memory budget; a request beyond the budget gets all of it.
    pub(crate) async fn reserve(&self, bytes: u64) -> Result<SemaphorePermit<'_>, CheckError> {
        let units =
            u32::try_from(bytes.div_ceil(BUDGET_UNIT_BYTES)).unwrap_or(u32::MAX).min(self.budget_units);
        self.budget.acquire_many(units).await.map_err(|_| CheckError::WorkerLost)
    }

    /// Reads an object, or a range of it; does not read retained bytes again.
    pub(crate) async fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Fetched, CheckError> {
        self.fail_if_cancelled()?;
        if let Some(bytes) = self.retained.find(key, range.as_ref()) {
            return Ok(Fetched::Bytes(bytes));
        }
        match self.store.get(key, range).await {
            Ok(bytes) => {
                self.bytes_read.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                Ok(Fetched::Bytes(bytes))
            }
            Err(StoreError::NotFound { .. }) => Ok(Fetched::Absent),
            Err(StoreError::InvalidRange { .. }) => Ok(Fetched::Bytes(Bytes::new())),
            Err(error) if is_medium_error(&error) => Ok(Fetched::Unreadable(text_of(&error))),
            Err(source) => Err(CheckError::Store { object: key.to_owned(), source }),
        }
    }

    /// Reads a whole pack; returns none if it is archived, which is not damage.
    pub(crate) async fn get_pack(&self, key: &str) -> Result<Option<Fetched>, CheckError> {
        match self.get(key, None).await {
            Err(CheckError::Store { source, .. }) if source.is_archived() => Ok(None),
            other => other.map(Some),
        }
    }

    /// Reads a listed object in full, and opens it on the pool; at most `bytes_max` bytes are read.
    pub(crate) async fn open<T, Work>(
        &self,
        info: &ObjectInfo,
        bytes_max: u64,
        work: Work,
    ) -> Result<Opened<T>, CheckError>
    where
        T: Send + 'static,
        Work: FnOnce(&[u8]) -> T + Send + 'static,
    {
        let key = info.key.as_str();
        if info.size > bytes_max {
            let detail = format!("it has {} bytes; objects of its kind have at most {bytes_max}", info.size);
            self.report(ProblemKind::ObjectTooLarge, Some(key), detail);
            return Ok(Opened::Unreadable);
        }
        let _permit = self.reserve(info.size).await?;
        match self.get(key, None).await? {
            Fetched::Bytes(bytes) => Ok(Opened::Value(self.compute(move || work(&bytes)).await?)),
            Fetched::Absent => {
                self.report(
                    ProblemKind::ObjectVanished,
                    Some(key),
                    "it was deleted during the check".to_owned(),
                );
                Ok(Opened::Vanished)
            }
            Fetched::Unreadable(reason) => {
                self.report(ProblemKind::ObjectUnreadable, Some(key), reason);
                Ok(Opened::Unreadable)
            }
        }
    }

    /// Retains the bytes of an object from `start` on, because they will be needed again.
    pub(crate) fn retain(&self, key: &str, start: u64, bytes: &Bytes) {
        self.retained.keep(key, start, bytes, false);
    }

    /// Forgets all retained objects: everything is read again from now on.
    pub(crate) fn retain_nothing(&self) {
        self.retained.clear();
    }

    /// Returns the length of an object; none if it does not exist.
    pub(crate) async fn size_of(&self, key: &str) -> Result<Option<u64>, CheckError> {
        self.fail_if_cancelled()?;
        match self.store.head(key).await {
            Ok(info) => Ok(Some(info.size)),
            // Something under this key that is not an object cannot be part of the repository.
            Err(StoreError::NotFound { .. } | StoreError::NotAnObject { .. }) => Ok(None),
            Err(source) => Err(CheckError::Store { object: key.to_owned(), source }),
        }
    }

    /// Lists the objects below a prefix.
    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>, CheckError> {
        self.fail_if_cancelled()?;
        let listed = self.store.list(prefix).await;
        listed.map_err(|source| CheckError::Store { object: prefix.to_owned(), source })
    }
}

/// Runs `work` on a pool; on the global one if `pool` is absent.
pub(crate) async fn compute<T, Work>(pool: Option<&rayon::ThreadPool>, work: Work) -> Result<T, CheckError>
where
    T: Send + 'static,
    Work: FnOnce() -> T + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    // The receiver is closed if the caller has ended early; nobody needs the result then.
    let job = move || drop(sender.send(work()));
    match pool {
        Some(pool) => pool.spawn(job),
        None => rayon::spawn(job),
    }
    receiver.await.map_err(|_| CheckError::WorkerLost)
}

/// Returns whether the storage medium is at fault, and not the connection.
pub(crate) fn is_medium_error(error: &StoreError) -> bool {
    /// `EIO`, `EBADMSG` and `EUCLEAN` of Linux: what file systems return for bad sectors and bad checksums.
    const MEDIUM_ERRORS: [i32; 3] = [5, 74, 117];
    match error {
        StoreError::NotAnObject { .. } => true,
        StoreError::Io { source, .. } => {
            source.raw_os_error().is_some_and(|code| MEDIUM_ERRORS.contains(&code))
        }
        _ => false,
    }
}

pub(crate) fn text_of(error: &StoreError) -> String {
    match error {
        StoreError::Io { source, .. } => format!("the storage medium cannot read it: {source}"),
        other => other.to_string(),
    }
}
