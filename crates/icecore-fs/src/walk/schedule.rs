//! Decides which directory is listed or which slice is stat-ed next, and keeps results until the consumer
//! takes them.
//!
//! Tasks are taken in path order, so the items that were read ahead are nearly always those that the consumer
//! needs next. Two budgets limit reading ahead: entries (stat-ed, not yet consumed) and names (listed, not
//! yet stat-ed) of directories that the consumer has not reached. The task that the consumer waits for is
//! always allowed. It is either running or the first in the queue, so there can be no deadlock.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::Arc;

use crate::directory::Directory;
use crate::walk::listing::Listing;
use crate::walk::{BATCH_ITEMS, Listed, WalkItem};

/// Names need little memory compared with entries: this many times more of them may be held.
const NAMES_PER_ENTRY: usize = 4;

/// A path counts as one entry for each part of this length.
const PATH_BYTES_PER_ENTRY: usize = 256;

/// With a smaller budget, the threads would have to take turns.
const ENTRIES_AHEAD_MIN: usize = 64;

/// Index into [`Schedule::nodes`].
pub(super) type NodeId = usize;

/// A task for a worker.
pub(super) struct Task {
    /// Path of the directory or of the first name, `/` replaced by NUL: byte order is then path order.
    key: Box<[u8]>,
    pub node: NodeId,
    pub job: Job,
}

pub(super) enum Job {
    /// Read the names of a directory.
    List(Arc<Directory>),
    /// Stat the names of a part of a directory.
    Stat { listing: Arc<Listing>, slice: usize, names: Range<usize> },
}

impl Task {
    fn target(&self) -> Target {
        let slice = match self.job {
            Job::List(_) => None,
            Job::Stat { slice, .. } => Some(slice),
        };
        Target { node: self.node, slice }
    }
}

// The heap's greatest task is the first in path order.
impl Ord for Task {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key.cmp(&self.key)
    }
}

impl PartialOrd for Task {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Task {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Task {}

/// Identifies the result of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub node: NodeId,
    /// `None`: the names of the directory.
    pub slice: Option<usize>,
}

/// The entries of one slice, in order.
#[derive(Default)]
pub(super) struct Slice {
    pub items: Vec<WalkItem>,
    /// Directories to enter: index in `items`, and the directory.
    pub subdirectories: Vec<(usize, Arc<Directory>)>,
}

/// A slice on its way to the consumer: like [`Slice`], but with nodes for directories.
pub(super) struct ReadySlice {
    pub items: Vec<WalkItem>,
    pub subdirectories: Vec<(usize, NodeId)>,
    weight: usize,
}

/// A directory between its entry and the end of its content.
#[derive(Default)]
struct Node {
    /// Outcome of reading its names, until the consumer enters.
    listed: Option<Listed>,
    slices: Vec<Option<ReadySlice>>,
    /// The consumer is inside, so its names do not count as read ahead.
    entered: bool,
    names_waiting: usize,
}

/// Result of entering a directory.
pub(super) struct Entered {
    pub slices: usize,
    pub directory: Listed,
}

/// The shared state of a walk. Plain data: the caller has the lock and the condition variables.
pub(super) struct Schedule {
    queue: BinaryHeap<Task>,
    nodes: Vec<Node>,
    free_nodes: Vec<NodeId>,
    entries_ahead: usize,
    entries_ahead_max: usize,
    names_ahead: usize,
    /// The budget for entries was used up, and less than half of it is free again.
    throttled: bool,
    /// The result that the consumer is waiting for.
    awaited: Option<Target>,
    /// The result is available, but the consumer has not been woken yet.
    awaited_ready: bool,
}

impl Schedule {
    /// Starts with the root as the only task; returns its node.
    pub fn new(root: Arc<Directory>, entries_ahead_max: usize) -> (Self, NodeId) {
        let mut schedule = Self {
            queue: BinaryHeap::new(),
            nodes: Vec::new(),
            free_nodes: Vec::new(),
            entries_ahead: 0,
            entries_ahead_max: entries_ahead_max.max(ENTRIES_AHEAD_MIN),
            names_ahead: 0,
            throttled: false,
            awaited: None,
            awaited_ready: false,
        };
        let node = schedule.add_directory(Box::default(), root);
        (schedule, node)
    }

    /// Takes the first task if it is allowed.
    pub fn take_task(&mut self) -> Option<Task> {
        if !self.has_task() {
            return None;
        }
        let task = self.queue.pop()?;
        if let Job::Stat { names, .. } = &task.job {
            self.entries_ahead += names.len();
            self.release_names(task.node, names.len());
        }
        Some(task)
    }

    /// Returns whether [`Schedule::take_task`] would return a task.
    pub fn has_task(&mut self) -> bool {
        let Some(task) = self.queue.peek() else { return false };
        if self.awaited == Some(task.target()) {
            return true;
        }
        if matches!(task.job, Job::List(_)) && self.names_ahead >= self.entries_ahead_max * NAMES_PER_ENTRY {
            return false;
        }
        if self.throttled {
            self.throttled = self.entries_ahead > self.entries_ahead_max / 2;
        } else {
            self.throttled = self.entries_ahead >= self.entries_ahead_max / 4 * 3;
        }
        // While the consumer waits, the last quarter fills the gaps before entries that have already been
        // read.
        !self.throttled || (self.awaited.is_some() && self.entries_ahead < self.entries_ahead_max)
    }

    /// Returns the number of tasks that nobody has taken.
    pub fn tasks_waiting(&self) -> usize {
        self.queue.len()
    }

    /// Records the names of a directory and queues its slices.
    pub fn publish_listing(
        &mut self,
        node: NodeId,
        listing: &Arc<Listing>,
        slices: Vec<Range<usize>>,
        listed: Listed,
    ) {
        let entry = &mut self.nodes[node];
        entry.listed = Some(listed);
        entry.slices.resize_with(slices.len(), || None);
        if !entry.entered {
            entry.names_waiting = listing.len();
            self.names_ahead += listing.len();
        }
        for (slice, names) in slices.into_iter().enumerate() {
            let key = path_key(listing.entry_path(names.start));
            let job = Job::Stat { listing: Arc::clone(listing), slice, names };
            self.queue.push(Task { key, node, job });
        }
    }

    /// Records the entries of a slice and queues its directories.
    pub fn publish_slice(&mut self, node: NodeId, index: usize, names: usize, slice: Slice) {
        let weight = slice.items.iter().map(weight_of).sum();
        self.entries_ahead = self.entries_ahead - names + weight;
        let subdirectories = slice
            .subdirectories
            .into_iter()
            .map(|(index, directory)| {
                (index, self.add_directory(path_key(slice.items[index].path().to_vec()), directory))
            })
            .collect();
        self.nodes[node].slices[index] = Some(ReadySlice { items: slice.items, subdirectories, weight });
    }

    /// Lets the consumer enter a directory, once, if its names have been read.
    pub fn enter(&mut self, node: NodeId) -> Option<Entered> {
        let entry = &mut self.nodes[node];
        entry.entered = true;
        self.names_ahead -= std::mem::take(&mut entry.names_waiting);
        let slices = entry.slices.len();
        entry.listed.take().map(|directory| Entered { slices, directory })
    }

    /// Lets the consumer take a slice, if its entries have been read.
    pub fn take_slice(&mut self, node: NodeId, index: usize) -> Option<ReadySlice> {
        let slice = self.nodes[node].slices[index].take()?;
        self.entries_ahead -= slice.weight;
        Some(slice)
    }

    /// Records that the consumer has left a directory.
    pub fn leave(&mut self, node: NodeId) {
        self.nodes[node] = Node::default();
        self.free_nodes.push(node);
    }

    /// Records that the consumer begins or ends waiting.
    pub fn set_awaited(&mut self, target: Option<Target>) {
        self.awaited = target;
        self.awaited_ready = false;
    }

    /// Returns whether to wake the consumer, once: its result is available, and either there is enough to
    /// fill a batch, or the calling thread is idle. Must be called after every task; it saves a wake-up for
    /// each small directory.
    pub fn wakes_consumer(&mut self, published: Target) -> bool {
        self.awaited_ready |= self.awaited == Some(published);
        let wakes = self.awaited_ready && (self.entries_ahead >= BATCH_ITEMS || !self.has_task());
        self.awaited_ready &= !wakes;
        wakes
    }

    fn add_directory(&mut self, key: Box<[u8]>, directory: Arc<Directory>) -> NodeId {
        let node = self.free_nodes.pop().unwrap_or_else(|| {
            self.nodes.push(Node::default());
            self.nodes.len() - 1
        });
        self.queue.push(Task { key, node, job: Job::List(directory) });
        node
    }

    fn release_names(&mut self, node: NodeId, names: usize) {
        let entry = &mut self.nodes[node];
        if !entry.entered {
            entry.names_waiting -= names;
            self.names_ahead -= names;
        }
    }
}

fn path_key(mut path: Vec<u8>) -> Box<[u8]> {
    for byte in &mut path {
        if *byte == b'/' {
            *byte = 0;
        }
    }
    path.into_boxed_slice()
}

fn weight_of(item: &WalkItem) -> usize {
    1 + item.path().len() / PATH_BYTES_PER_ENTRY
}

#[cfg(test)]
mod tests;
