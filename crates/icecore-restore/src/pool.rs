//! The threads of a restore: workers that write files, and fetchers that get blocks before they are needed.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, Scope},
};

use crossbeam_channel::{Receiver, Sender};
use icecore_repo::{
    error::{RepoError, RepoResult},
    index::BlockNumber,
};

use crate::restoration::Restoration;

/// Jobs and groups of blocks that may wait for a thread.
const QUEUE_LENGTH: usize = 1024;
/// Maximum number of threads that fetch blocks.
const FETCHERS_MAX: usize = 8;

/// Work for one thread.
pub(crate) type Job<'env> = Box<dyn FnOnce() + Send + 'env>;

/// Passes work to the threads; they end when this is dropped.
pub(crate) struct Pool<'env> {
    jobs: Sender<Job<'env>>,
    groups: Sender<Vec<BlockNumber>>,
}

impl<'env> Pool<'env> {
    /// Starts `workers` workers and about half as many fetchers.
    pub fn start<'scope>(
        scope: &'scope Scope<'scope, 'env>,
        restoration: &'env Restoration<'env>,
        workers: usize,
    ) -> RepoResult<Self> {
        let (jobs, job_queue) = crossbeam_channel::bounded::<Job<'env>>(QUEUE_LENGTH);
        let (groups, group_queue) = crossbeam_channel::bounded(QUEUE_LENGTH);
        let lost = |_| RepoError::StageLost { stage: "restore" };
        for _ in 0..workers.max(1) {
            let queue: Receiver<Job<'env>> = job_queue.clone();
            let builder = thread::Builder::new().name("restore-write".to_owned());
            builder.spawn_scoped(scope, move || queue.into_iter().for_each(|job| job())).map_err(lost)?;
        }
        for _ in 0..workers.div_ceil(2).clamp(1, FETCHERS_MAX) {
            let queue: Receiver<Vec<BlockNumber>> = group_queue.clone();
            let builder = thread::Builder::new().name("restore-fetch".to_owned());
            let fetch = move || {
                for group in queue {
                    if !restoration.is_stopped() {
                        restoration.reader.prefetch(&group);
                    }
                }
            };
            builder.spawn_scoped(scope, fetch).map_err(lost)?;
        }
        Ok(Self { jobs, groups })
    }

    /// Runs a job on a worker; waits while too many are queued.
    pub fn run(&self, gate: &Arc<Gate>, job: impl FnOnce() + Send + 'env) {
        let pass = gate.enter();
        // All workers have ended only if all have panicked; the scope passes that on.
        drop(self.jobs.send(Box::new(move || {
            job();
            drop(pass);
        })));
    }

    /// Fetches neighbouring blocks on a fetcher.
    pub fn fetch(&self, group: Vec<BlockNumber>) {
        // Same as above; besides, this only fetches early.
        drop(self.groups.send(group));
    }
}

/// Counts unfinished jobs.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    pending: Mutex<usize>,
    empty: Condvar,
}

/// An unfinished job; finished when dropped, also by a panic.
#[derive(Debug)]
pub(crate) struct Pass(Arc<Gate>);

impl Gate {
    /// Counts another job.
    pub fn enter(self: &Arc<Self>) -> Pass {
        *self.pending.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Pass(Arc::clone(self))
    }

    /// Waits until all jobs are finished.
    pub fn wait(&self) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        while *pending > 0 {
            pending = self.empty.wait(pending).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut pending = self.0.pending.lock().unwrap_or_else(PoisonError::into_inner);
        *pending -= 1;
        if *pending == 0 {
            self.0.empty.notify_all();
        }
    }
}
