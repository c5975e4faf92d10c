//! The work of the threads of a walk.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::directory::Directory;
use crate::entry::EntryKind;
use crate::error::{FsError, is_gone};
use crate::stat::{ObjectStat, stat_at};
use crate::walk::entry::{Completeness, ObjectName, WalkEntry};
use crate::walk::listing::{Listing, NameKind};
use crate::walk::schedule::{Job, Schedule, Slice, Target, Task};
use crate::walk::suspects::Suspects;
use crate::walk::{Listed, WalkCounts, WalkItem, WalkOptions};

/// Bytes of names that one `getdents` call may return.
const LISTING_BUFFER_BYTES: usize = 64 * 1024;

/// Most and fewest names of a slice. One thread stats a slice, so a directory with enough names is cut into
/// at least as many slices as there are threads.
const SLICE_NAMES_MAX: usize = 256;
const SLICE_NAMES_MIN: usize = 16;

/// A path of this length is not searched further: no snapshot can contain it, and a hostile chain of
/// directories must not take unlimited memory.
const PATH_BYTES_MAX: usize = 256 << 10;

/// Most bytes of all paths of a slice (approximately), in directories with very long paths.
const SLICE_PATH_BYTES_MAX: usize = 1 << 20;

/// How often a directory is opened if it is replaced before every attempt.
const OPEN_ATTEMPTS: usize = 3;

/// Most paths that are remembered as left out completely.
const SKIPPED_MAX: usize = 1 << 13;

/// The data that consumer and workers share.
pub(super) struct Shared {
    pub options: WalkOptions,
    /// Device of the root, for `one_file_system`.
    pub root_device: u64,
    pub schedule: Mutex<Status>,
    /// Workers wait here for tasks.
    pub work: Condvar,
    /// The consumer waits here for what it needs next.
    pub ready: Condvar,
    /// The walk is over; also checked during a task.
    pub stopped: AtomicBool,
    pub counters: WalkCounters,
    pub root: Arc<Directory>,
    /// Directories in which names vanished.
    pub suspects: Mutex<Suspects>,
    /// Paths of the objects that `skip` left out.
    pub skipped: Mutex<BTreeSet<Vec<u8>>>,
}

pub(super) struct Status {
    pub schedule: Schedule,
    pub workers_idle: usize,
    /// A worker panicked; the consumer must not wait forever.
    pub worker_failed: bool,
}

#[derive(Default)]
pub(super) struct WalkCounters {
    excluded: AtomicU64,
    vanished: AtomicU64,
    mount_points: AtomicU64,
}

impl WalkCounters {
    pub fn snapshot(&self) -> WalkCounts {
        WalkCounts {
            excluded: self.excluded.load(Ordering::Relaxed),
            vanished: self.vanished.load(Ordering::Relaxed),
            mount_points: self.mount_points.load(Ordering::Relaxed),
        }
    }
}

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, Status> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes as many idle workers as there are tasks.
    pub fn wake_workers(&self, status: &mut Status, tasks: usize) {
        if status.workers_idle == 0 || tasks == 0 || !status.schedule.has_task() {
            return;
        }
        for _ in 0..tasks.min(status.workers_idle) {
            self.work.notify_one();
        }
    }

    /// Records that a name of a directory vanished.
    fn vanished(&self, directory: &Arc<Directory>) {
        self.counters.vanished.fetch_add(1, Ordering::Relaxed);
        self.suspects.lock().unwrap_or_else(PoisonError::into_inner).add(directory);
    }

    /// Records a path that is left out completely.
    fn skip(&self, path: Vec<u8>) {
        let mut skipped = self.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        if skipped.len() <= SKIPPED_MAX {
            skipped.insert(path);
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Works until the walk is over.
pub(super) fn run(shared: &Shared) {
    let _guard = PanicGuard(shared);
    let mut buffer = Vec::with_capacity(LISTING_BUFFER_BYTES);
    let mut status = shared.lock();
    while !shared.is_stopped() {
        let Some(task) = status.schedule.take_task() else {
            status.workers_idle += 1;
            status = shared.work.wait(status).unwrap_or_else(PoisonError::into_inner);
            status.workers_idle -= 1;
            continue;
        };
        drop(status);
        status = perform(shared, task, &mut buffer);
    }
}

/// Performs a task and publishes its result under the lock, which it returns locked.
fn perform<'a>(shared: &'a Shared, task: Task, buffer: &mut Vec<u8>) -> MutexGuard<'a, Status> {
    let node = task.node;
    let target;
    let mut status;
    match task.job {
        Job::List(directory) => {
            let (listing, listed) = list(shared, &directory, buffer);
            let slices = cut_slices(&listing, &shared.options);
            let listing = Arc::new(listing);
            target = Target { node, slice: None };
            status = shared.lock();
            status.schedule.publish_listing(node, &listing, slices, listed);
        }
        Job::Stat { listing, slice: index, names } => {
            let count = names.len();
            let slice = stat_slice(shared, &listing, names);
            target = Target { node, slice: Some(index) };
            status = shared.lock();
            status.schedule.publish_slice(node, index, count, slice);
        }
    }
    if status.schedule.wakes_consumer(target) {
        shared.ready.notify_one();
    }
    // This thread takes one task itself.
    let others = status.schedule.tasks_waiting().saturating_sub(1);
    shared.wake_workers(&mut status, others);
    status
}

/// Reads a directory's names and applies the rules that need no metadata.
fn list(shared: &Shared, directory: &Arc<Directory>, buffer: &mut Vec<u8>) -> (Listing, Listed) {
    let mut listing = Listing::new(Arc::clone(directory));
    let mut listed =
        Listed { opened: None, metadata: None, completeness: Completeness::Incomplete, problem: None };
    for _ in 0..OPEN_ATTEMPTS {
        let error = match directory.open() {
            Ok((descriptor, stat)) => {
                listed.opened = Some(Arc::clone(directory));
                listed.metadata = Some(stat.metadata);
                listed.completeness =
                    list_opened(shared, &mut listing, &mut listed.problem, &descriptor, &stat, buffer);
                return (listing, listed);
            }
            Err(error) if is_gone(&error) => error,
            Err(error) => {
                listed.problem = Some(unreadable(&listing, "open the directory", error));
                return (listing, listed);
            }
        };
        match directory.look_up() {
            Ok(stat) if stat.metadata.kind != EntryKind::Directory => {
                // It is no longer a directory, so it has no names.
                (listed.metadata, listed.completeness) = (Some(stat.metadata), Completeness::Whole);
                return (listing, listed);
            }
            // Somebody keeps replacing the directory.
            Ok(_) => listed.problem = Some(unreadable(&listing, "open the directory", error)),
            Err(error) if is_gone(&error) => {
                listed.problem = Some(WalkItem::Gone(listing.path().to_vec()));
                return (listing, listed);
            }
            Err(error) => listed.problem = Some(unreadable(&listing, "read the metadata of", error)),
        }
    }
    (listing, listed)
}

/// Reads the names of an open directory.
fn list_opened(
    shared: &Shared,
    listing: &mut Listing,
    problem: &mut Option<WalkItem>,
    descriptor: &OwnedFd,
    stat: &ObjectStat,
    buffer: &mut Vec<u8>,
) -> Completeness {
    let options = &shared.options;
    // An automounted file system appears only when its directory is opened.
    if is_boundary(shared, stat) {
        return Completeness::NotEntered;
    }
    // Another directory may have the name now.
    if listing.has_parent() && options.skip.contains(&stat.identity()) {
        shared.skip(listing.path().to_vec());
        return Completeness::NotEntered;
    }
    let mut completeness = Completeness::Whole;
    match listing.read(descriptor, buffer, || shared.is_stopped()) {
        Ok(()) => *problem = None,
        Err(error) => {
            completeness = Completeness::Incomplete;
            // A directory that was removed after it was opened has no names.
            *problem = Some(gone_or_unreadable(listing, "read the directory", error));
        }
    }
    let mut excluded = 0;
    if options.exclude_caches
        && let Some(left_out) = listing.exclude_cache(descriptor)
    {
        excluded += left_out;
        completeness = Completeness::CacheTag;
    }
    if !options.excludes.is_empty() {
        excluded += listing.exclude(|path, is_directory| options.excludes.is_excluded(path, is_directory));
    }
    shared.counters.excluded.fetch_add(excluded as u64, Ordering::Relaxed);
    completeness
}

fn unreadable(listing: &Listing, operation: &'static str, error: io::Error) -> WalkItem {
    WalkItem::Unreadable(FsError::new(operation, listing.path(), error))
}

fn gone_or_unreadable(listing: &Listing, operation: &'static str, error: io::Error) -> WalkItem {
    if is_gone(&error) {
        WalkItem::Gone(listing.path().to_vec())
    } else {
        unreadable(listing, operation, error)
    }
}

/// Cuts the names of a directory into slices.
fn cut_slices(listing: &Listing, options: &WalkOptions) -> Vec<Range<usize>> {
    let names = names_per_slice(listing.len(), listing.path().len(), options);
    (0..listing.len()).step_by(names).map(|start| start..listing.len().min(start + names)).collect()
}

fn names_per_slice(names: usize, path_bytes: usize, options: &WalkOptions) -> usize {
    let concurrency = options.concurrency.max(1);
    // Slices in flight count as read ahead; they may use half of the budget.
    let budget = options.entries_ahead_max / (2 * concurrency);
    names
        .div_ceil(concurrency)
        .clamp(SLICE_NAMES_MIN, SLICE_NAMES_MAX)
        .min(budget)
        .min(SLICE_PATH_BYTES_MAX / (path_bytes + 1))
        .max(1)
}

/// Reads the metadata of some names of a directory.
fn stat_slice(shared: &Shared, listing: &Listing, names: Range<usize>) -> Slice {
    let mut slice = Slice { items: Vec::with_capacity(names.len()), subdirectories: Vec::new() };
    let descriptor = match listing.directory.descriptor() {
        Ok(descriptor) => descriptor,
        Err(error) => {
            // Only the names of its objects are known, even if the directory is gone.
            slice.items.push(gone_or_unreadable(listing, "open the directory", error));
            slice.items.extend(names.map(|index| name_only(listing, index, None)));
            return slice;
        }
    };
    for index in names {
        if shared.is_stopped() {
            break;
        }
        match stat_at(&*descriptor, listing.c_name(index)) {
            Ok(stat) => add_entry(shared, listing, index, &stat, &mut slice),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                shared.vanished(&listing.directory);
            }
            // It is excluded both as a file and as a directory.
            Err(_) if is_excluded_anyhow(shared, listing, index) => {
                shared.counters.excluded.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => slice.items.push(name_only(listing, index, Some(error))),
        }
    }
    slice
}

fn name_only(listing: &Listing, index: usize, error: Option<io::Error>) -> WalkItem {
    let path = listing.entry_path(index);
    let error = error.map(|error| FsError::new("read the metadata of", path.clone(), error));
    WalkItem::NameOnly { path, error }
}

fn is_excluded_anyhow(shared: &Shared, listing: &Listing, index: usize) -> bool {
    let path = listing.entry_path(index);
    let excludes = &shared.options.excludes;
    listing.kind(index) == NameKind::Unknown
        && excludes.is_excluded(&path, false)
        && excludes.is_excluded(&path, true)
}

fn add_entry(shared: &Shared, listing: &Listing, index: usize, stat: &ObjectStat, slice: &mut Slice) {
    let options = &shared.options;
    let path = listing.entry_path(index);
    let is_directory = stat.metadata.kind == EntryKind::Directory;
    let excluded =
        listing.kind(index) == NameKind::Unknown && options.excludes.is_excluded(&path, is_directory);
    let skipped = !excluded && is_directory && options.skip.contains(&stat.identity());
    if excluded || skipped {
        shared.counters.excluded.fetch_add(1, Ordering::Relaxed);
        if skipped {
            shared.skip(path);
        }
        return;
    }
    let boundary = is_directory && is_boundary(shared, stat);
    if is_directory && !boundary && path.len() < PATH_BYTES_MAX {
        slice.subdirectories.push((slice.items.len(), listing.directory.child(listing.name(index))));
    }
    slice.items.push(WalkItem::Entry(WalkEntry {
        name: ObjectName::PathFrom(path.len() - listing.name(index).len()),
        path,
        metadata: stat.metadata,
        allocated_bytes: stat.allocated_bytes,
        directory: Arc::clone(&listing.directory),
        opened: None,
        completeness: if boundary { Completeness::NotEntered } else { Completeness::Whole },
    }));
}

/// Returns whether a directory must not be entered because it is on another file system.
fn is_boundary(shared: &Shared, stat: &ObjectStat) -> bool {
    let boundary = shared.options.one_file_system && stat.metadata.device != shared.root_device;
    if boundary {
        shared.counters.mount_points.fetch_add(1, Ordering::Relaxed);
    }
    boundary
}

/// Tells the consumer if a worker panics.
struct PanicGuard<'a>(&'a Shared);

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().worker_failed = true;
            self.0.ready.notify_all();
        }
    }
}

#[cfg(test)]
mod tests;
