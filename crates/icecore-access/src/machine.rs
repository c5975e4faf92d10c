//! The machine that works on repositories: time, threads, the request to stop, and names.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use icecore_repo::environment::Environment;
use icecore_store::{Environment as StoreEnvironment, Stop, waits::WaitList};
use jiff::tz::TimeZone;

use crate::{
    allowance::Allowance,
    error::{AccessError, AccessResult},
};

/// Resources that all repositories of a process share.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Time, randomness and threads.
    pub environment: Environment,
    /// Environment of the stores.
    pub store_environment: StoreEnvironment,
    /// Ends all waits.
    pub stop: Stop,
    /// Waits of the stores in progress.
    pub waits: Arc<WaitList>,
    /// Resources that may be used.
    pub allowance: Allowance,
    /// Names the type of the file system that a path is on, if several machines share that file system.
    pub shared_file_system: fn(&Path) -> Option<&'static str>,
    /// Name of this machine.
    pub host: String,
    /// Name and version of the program, which are recorded in the objects that it writes.
    pub program: String,
    /// Time zone in which times are shown and understood.
    pub zone: TimeZone,
}

impl Machine {
    /// Drives `work` to its end, unless somebody asks to stop earlier.
    pub fn drive<T>(&self, work: impl Future<Output = T>) -> AccessResult<T> {
        self.environment.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.stop.requested() => Err(AccessError::Interrupted),
                result = work => Ok(result),
            }
        })
    }

    /// Waits for this time; returns false if `done` is requested earlier, or somebody asks to stop.
    pub fn pause(&self, duration: Duration, done: &Stop) -> bool {
        let pause = async {
            tokio::select! {
                biased;
                () = done.requested() => false,
                () = self.environment.sleep.limit(duration) => true,
            }
        };
        self.drive(pause).unwrap_or(false)
    }

    /// Returns whether somebody asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.environment.cancelled.load(Ordering::Relaxed)
    }
}
