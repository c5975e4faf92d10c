//! Several threads walk a source in order.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::directory::pool::{DescriptorPool, open_directories_default};
use crate::directory::{Directory, open_root};
use crate::entry::Metadata;
use crate::error::FsError;
use crate::excludes::Excludes;
use crate::stat::{ObjectStat, stat_at};
use crate::walk::schedule::{NodeId, Schedule, Target};
use crate::walk::worker::{Shared, Status, WalkCounters};

pub use crate::walk::entry::{Completeness, Presence, WalkEntry};
pub use crate::walk::suspects::Suspects;

mod entry;
mod listing;
mod schedule;
mod suspects;
mod worker;

/// Approximate number of items in a batch.
const BATCH_ITEMS: usize = 512;

/// Options of a walk.
#[derive(Clone, Debug)]
pub struct WalkOptions {
    /// Threads that list and stat: about the number of cores for local file systems, 32–128 for network ones.
    pub concurrency: usize,
    /// Entries that may be read ahead of the consumer; limits memory (about 300 bytes each, plus their
    /// paths).
    pub entries_ahead_max: usize,
    /// Directories kept open; others are closed and opened again when needed.
    pub directories_open_max: usize,
    /// Patterns of objects that are left out.
    pub excludes: Excludes,
    /// Leaves out the content of directories with a valid `CACHEDIR.TAG`, except for the tag.
    pub exclude_caches: bool,
    /// Returns directories of other file systems than the root's as empty ones, including btrfs subvolumes.
    pub one_file_system: bool,
    /// Directories below the root to leave out completely, by device and inode as in
    /// [`crate::entry::Metadata`].
    pub skip: Vec<(u64, u64)>,
}

impl Default for WalkOptions {
    fn default() -> Self {
        Self {
            concurrency: 2,
            entries_ahead_max: 64 * 1024,
            directories_open_max: open_directories_default(),
            excludes: Excludes::none(),
            exclude_caches: false,
            one_file_system: false,
            skip: Vec::new(),
        }
    }
}

/// Objects that a walk left out without an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalkCounts {
    /// Objects excluded by pattern, cache tag or `skip`; the content of an excluded directory is not counted.
    pub excluded: u64,
    /// Objects that were listed but had vanished when they should be examined; vanished directories are not
    /// counted here.
    pub vanished: u64,
    /// Directories of other file systems that were not entered.
    pub mount_points: u64,
}

/// An item that the walk found.
#[derive(Debug)]
pub enum WalkItem {
    /// An object.
    Entry(WalkEntry),
    /// A name in a directory whose object could not be examined.
    NameOnly {
        /// Path relative to the root.
        path: Vec<u8>,
        /// The error; none if it affects the whole directory and was already reported.
        error: Option<FsError>,
    },
    /// A directory (after its entry) that could not be read completely.
    Unreadable(FsError),
    /// Path of a directory (after its entry) that was moved or removed before all of it was read.
    Gone(Vec<u8>),
}

impl WalkItem {
    /// Returns the path relative to the root.
    pub fn path(&self) -> &[u8] {
        match self {
            Self::Entry(entry) => &entry.path,
            Self::NameOnly { path, .. } | Self::Gone(path) => path,
            Self::Unreadable(error) => &error.path,
        }
    }
}

/// A walk in progress: an iterator over batches of items, in path order.
///
/// Paths are compared component by component as bytes: the content of a directory follows the directory. The
/// root comes first, with an empty path. The entry of a directory comes when its names have been read (or
/// could not be read), and says so; an error about its content follows it. The names of a directory are held
/// in memory while it is walked, a few dozen bytes each; everything else is bounded by the options.
#[derive(Debug)]
pub struct Walk {
    /// Directories from the root to the position of the consumer.
    frames: Vec<Frame>,
    left: Vec<NodeId>,
    workers: Workers,
}

/// The position of the consumer in one directory.
#[derive(Debug)]
struct Frame {
    node: NodeId,
    /// Its entry, until its names have been read.
    entry: Option<WalkItem>,
    /// Number of slices; `None` until the directory is entered.
    slices: Option<usize>,
    slice_next: usize,
    items: std::vec::IntoIter<WalkItem>,
    items_taken: usize,
    subdirectories: VecDeque<(usize, NodeId)>,
}

impl Frame {
    fn new(node: NodeId, entry: Option<WalkItem>) -> Self {
        Self {
            node,
            entry,
            slices: None,
            slice_next: 0,
            items: Vec::new().into_iter(),
            items_taken: 0,
            subdirectories: VecDeque::new(),
        }
    }

    fn target(&self) -> Target {
        Target { node: self.node, slice: self.slices.map(|_| self.slice_next) }
    }
}

impl Walk {
    /// Starts to walk a directory. If the root is a symbolic link, it is followed.
    ///
    /// Fails if the root cannot be opened as a directory (the path of the error is `root`), or no thread can
    /// be started.
    pub fn start(root: &Path, options: WalkOptions) -> Result<Self, FsError> {
        let root_path = root.as_os_str().as_bytes();
        let (descriptor, stat) =
            open_root(root).map_err(|source| FsError::new("open the directory", root_path, source))?;
        // If a link is changed meanwhile, the directory stays the same.
        let real = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
        let pool = DescriptorPool::new(options.directories_open_max);
        let directory = Directory::root(real, descriptor, &stat, pool);
        let entry = WalkItem::Entry(root_entry(&directory, stat));
        let (schedule, node) = Schedule::new(Arc::clone(&directory), options.entries_ahead_max);
        let threads = options.concurrency.max(1);
        let shared = Arc::new(Shared {
            options,
            root_device: stat.metadata.device,
            schedule: Mutex::new(Status { schedule, workers_idle: 0, worker_failed: false }),
            work: Condvar::new(),
            ready: Condvar::new(),
            stopped: AtomicBool::new(false),
            counters: WalkCounters::default(),
            root: directory,
            suspects: Mutex::default(),
            skipped: Mutex::default(),
        });
        let workers = Workers::start(shared, threads)
            .map_err(|source| FsError::new("start threads to walk", root_path, source))?;
        Ok(Self { frames: vec![Frame::new(node, Some(entry))], left: Vec::new(), workers })
    }

    /// Reads the one object `path`; with `follow`, the target of a symbolic link.
    ///
    /// Returns it as an entry whose path is the last component of `path`. The path in an error is `path`.
    pub fn single(path: &Path, follow: bool) -> Result<WalkEntry, FsError> {
        single_entry(path, follow)
            .map_err(|source| FsError::new("read the metadata of", path.as_os_str().as_bytes(), source))
    }

    /// Returns the counts of left-out objects so far; they are complete when the iterator has ended.
    pub fn counts(&self) -> WalkCounts {
        self.workers.shared.counters.snapshot()
    }

    /// Returns the paths of the objects that were left out completely because of `skip`, sorted; at most one
    /// more than `paths_max`.
    pub fn skipped(&self, paths_max: usize) -> Vec<Vec<u8>> {
        let skipped = self.workers.shared.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        skipped.iter().take(paths_max.saturating_add(1)).cloned().collect()
    }

    /// Returns the directories that were moved or removed while the source was read, only the topmost ones.
    /// Checks those in which names vanished (`others`: found while entries were read), and always the root.
    ///
    /// Call it after everything has been read.
    pub fn gone(&self, others: Suspects) -> BTreeSet<Vec<u8>> {
        let shared = &*self.workers.shared;
        let mut suspects =
            std::mem::take(&mut *shared.suspects.lock().unwrap_or_else(PoisonError::into_inner));
        suspects.add(&shared.root);
        let mut gone = suspects.gone();
        gone.extend(others.gone());
        gone
    }

    /// Fills a batch until it is large enough or the next items have not been read yet; an empty batch means
    /// the end.
    fn fill_batch(&mut self) -> Vec<WalkItem> {
        let mut batch = Vec::new();
        while let Some(frame) = self.frames.last_mut() {
            if let Some(subdirectory) = drain_items(frame, &mut batch) {
                self.frames.push(subdirectory);
            } else if batch.len() >= BATCH_ITEMS {
                break;
            } else if frame.slices == Some(frame.slice_next) {
                self.left.push(frame.node);
                self.frames.pop();
                continue;
            } else if !self.advance(&mut batch) {
                break;
            }
            if batch.len() >= BATCH_ITEMS {
                break;
            }
        }
        batch
    }

    /// Enters the directory at the consumer's position, or continues with its next slice. Waits only if the
    /// batch is empty.
    ///
    /// Returns whether that was possible.
    fn advance(&mut self, batch: &mut Vec<WalkItem>) -> bool {
        let Some(frame) = self.frames.last_mut() else { return false };
        let shared = &*self.workers.shared;
        let mut status = shared.lock();
        for node in self.left.drain(..) {
            status.schedule.leave(node);
        }
        let advanced = loop {
            if advance_frame(frame, &mut status.schedule, batch) {
                break true;
            }
            if !batch.is_empty() {
                break false;
            }
            assert!(!status.worker_failed, "a thread of the walk panicked");
            status.schedule.set_awaited(Some(frame.target()));
            let tasks = status.schedule.tasks_waiting();
            shared.wake_workers(&mut status, tasks);
            status = shared.ready.wait(status).unwrap_or_else(PoisonError::into_inner);
            status.schedule.set_awaited(None);
        };
        // The consumed items may have made room for reading ahead.
        let tasks = status.schedule.tasks_waiting();
        shared.wake_workers(&mut status, tasks);
        advanced
    }
}

impl Iterator for Walk {
    type Item = Vec<WalkItem>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.fill_batch();
        if batch.is_empty() {
            self.workers.stop();
            return None;
        }
        Some(batch)
    }
}

/// Moves items into the batch up to the next directory to enter, which it returns, or until the batch is
/// full.
fn drain_items(frame: &mut Frame, batch: &mut Vec<WalkItem>) -> Option<Frame> {
    let room = BATCH_ITEMS.saturating_sub(batch.len());
    let until_directory = frame.subdirectories.front().map(|(index, _)| index - frame.items_taken);
    let count = until_directory.unwrap_or(usize::MAX).min(room);
    let before = frame.items.len();
    if batch.is_empty() && before > 0 {
        batch.reserve(BATCH_ITEMS);
    }
    batch.extend(frame.items.by_ref().take(count));
    frame.items_taken += before - frame.items.len();
    match until_directory {
        Some(until) if until <= room => {
            let (_, node) = frame.subdirectories.pop_front()?;
            frame.items_taken += 1;
            Some(Frame::new(node, frame.items.next()))
        }
        _ => None,
    }
}

/// Enters the frame's directory if necessary and installs its next slice. Returns whether the slice has been
/// read.
fn advance_frame(frame: &mut Frame, schedule: &mut Schedule, batch: &mut Vec<WalkItem>) -> bool {
    if frame.slices.is_none() {
        let Some(entered) = schedule.enter(frame.node) else { return false };
        frame.slices = Some(entered.slices);
        if let Some(WalkItem::Entry(mut entry)) = frame.entry.take() {
            entry.set_listed(&entered.directory);
            batch.push(WalkItem::Entry(entry));
        }
        batch.extend(entered.directory.problem);
    }
    if frame.slices == Some(frame.slice_next) {
        return true;
    }
    let Some(slice) = schedule.take_slice(frame.node, frame.slice_next) else { return false };
    frame.slice_next += 1;
    frame.items = slice.items.into_iter();
    frame.items_taken = 0;
    frame.subdirectories = slice.subdirectories.into();
    true
}

fn root_entry(directory: &Arc<Directory>, stat: ObjectStat) -> WalkEntry {
    WalkEntry {
        path: Vec::new(),
        metadata: stat.metadata,
        allocated_bytes: stat.allocated_bytes,
        directory: Arc::clone(directory),
        opened: None,
        completeness: Completeness::Whole,
        name: entry::ObjectName::Other(b".".as_slice().into()),
    }
}

/// Outcome of reading the names of a directory.
#[derive(Debug)]
pub(crate) struct Listed {
    /// The directory, if it could be opened.
    opened: Option<Arc<Directory>>,
    /// Metadata of the object with this name, if it was examined again.
    metadata: Option<Metadata>,
    completeness: Completeness,
    problem: Option<WalkItem>,
}

fn single_entry(path: &Path, follow: bool) -> io::Result<WalkEntry> {
    let no_name = || io::Error::new(io::ErrorKind::InvalidInput, "the path does not end with a name");
    let path_name = path.file_name().ok_or_else(no_name)?;
    let real: PathBuf = if follow { std::fs::canonicalize(path)? } else { path.to_path_buf() };
    let name = real.file_name().ok_or_else(no_name)?.as_bytes();
    let parent = match real.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let (descriptor, parent_stat) = open_root(parent)?;
    let stat = stat_at(&descriptor, name)?;
    Ok(WalkEntry {
        path: path_name.as_bytes().to_vec(),
        metadata: stat.metadata,
        allocated_bytes: stat.allocated_bytes,
        directory: Directory::root(parent.to_path_buf(), descriptor, &parent_stat, DescriptorPool::new(1)),
        opened: None,
        completeness: Completeness::Whole,
        name: entry::ObjectName::Other(name.into()),
    })
}

/// The threads of a walk. Dropping them stops each one after its current system call.
struct Workers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts up to `threads` threads; one is enough.
    fn start(shared: Arc<Shared>, threads: usize) -> io::Result<Self> {
        let mut workers = Self { shared, threads: Vec::with_capacity(threads) };
        for number in 0..threads {
            let shared = Arc::clone(&workers.shared);
            let builder = std::thread::Builder::new().name(format!("walk-{number}"));
            match builder.spawn(move || worker::run(&shared)) {
                Ok(thread) => workers.threads.push(thread),
                Err(error) if number == 0 => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, threads = number, "the source is read with fewer threads than requested");
                    break;
                }
            }
        }
        Ok(workers)
    }

    fn stop(&mut self) {
        {
            let _status = self.shared.lock();
            self.shared.stopped.store(true, Ordering::Relaxed);
        }
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the walk panicked");
            }
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Workers").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
