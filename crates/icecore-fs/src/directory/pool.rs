//! Limits the number of open directory descriptors.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::directory::Directory;

/// At least this many directories may be open, even if the limit of the process is low.
const OPEN_MIN: usize = 16;
/// More open directories than this do not make a walk faster.
const OPEN_MAX: usize = 4096;
/// The walk uses one part in this many of the descriptors of the process.
const LIMIT_SHARE: u64 = 4;

/// The directories whose descriptors are open, in clock order (second chance).
///
/// Each open directory is in the queue exactly once. A directory that no longer exists is closed already; it
/// stays in the queue until it reaches the front, so the queue never exceeds the limit.
pub(crate) struct DescriptorPool {
    open_max: usize,
    queue: Mutex<VecDeque<Weak<Directory>>>,
}

impl DescriptorPool {
    pub fn new(open_max: usize) -> Arc<Self> {
        Arc::new(Self { open_max: open_max.max(1), queue: Mutex::default() })
    }

    /// Adds a directory that has just been opened, and closes others if there are too many.
    pub fn admit(&self, directory: &Arc<Directory>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        shrink(&mut queue, self.open_max - 1);
        queue.push_back(Arc::downgrade(directory));
    }

    /// Closes half of the directories, to be called when the process or the system runs out of descriptors.
    pub fn close_half(&self) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = queue.len() / 2;
        shrink(&mut queue, kept);
    }
}

/// Closes directories until at most `kept` are in the queue. Terminates: the second visit finds a directory
/// unused, unless another thread is using it at that moment.
fn shrink(queue: &mut VecDeque<Weak<Directory>>, kept: usize) {
    while queue.len() > kept {
        let Some(oldest) = queue.pop_front() else { return };
        if let Some(directory) = oldest.upgrade()
            && !directory.close_unless_used()
        {
            queue.push_back(oldest);
        }
    }
}

/// Returns the default limit of open directories of a walk: a quarter of the descriptors of the process.
pub(crate) fn open_directories_default() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(limit / LIMIT_SHARE).unwrap_or(OPEN_MAX).clamp(OPEN_MIN, OPEN_MAX)
}

/// Raises the limit of open descriptors of the process as far as possible without privileges; returns the new
/// limit.
///
/// A program should call this once when it starts; the libraries do not change process-wide state.
pub fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let limit = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { limit };
    limit.current.unwrap_or(u64::MAX)
}
