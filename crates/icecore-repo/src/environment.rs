//! What a repository needs from the process that it runs in.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use icecore_format::{entry::Time, ids::RunId, seal::Salt};
use icecore_store::environment::{Clock, Entropy, Sleep};

use crate::error::{RepoError, RepoResult};

/// Clock, randomness, waiting, threads and the request to stop, given by the caller.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Source of time.
    pub clock: Arc<dyn Clock>,
    /// Source of salts and names.
    pub entropy: Arc<dyn Entropy>,
    /// Waits, for what happens beside the work: the sign of life of a run.
    pub sleep: Arc<dyn Sleep>,
    /// Runtime on which the asynchronous store is driven; never entered from within it.
    pub runtime: tokio::runtime::Handle,
    /// Threads for compression, sealing and hashing; nothing blocks on them.
    pub workers: Arc<rayon::ThreadPool>,
    /// Set when everything must stop as soon as possible.
    pub cancelled: Arc<AtomicBool>,
}

impl Environment {
    /// Draws a fresh salt.
    pub fn salt(&self) -> Salt {
        let mut salt = Salt::default();
        self.entropy.fill(&mut salt);
        salt
    }

    /// Draws the name of a run that starts now.
    pub fn run_id(&self) -> RunId {
        self.run_id_at(self.now())
    }

    /// Draws the name of a run that started at this time; times before 1970 count as 1970.
    pub fn run_id_at(&self, started: Time) -> RunId {
        let mut random = [0; 10];
        self.entropy.fill(&mut random);
        let seconds = u64::try_from(started.seconds).unwrap_or(0);
        let milliseconds = if started.seconds < 0 { 0 } else { started.nanoseconds / 1_000_000 };
        RunId::new(seconds.saturating_mul(1000).saturating_add(milliseconds.into()), random)
    }

    /// Returns the wall-clock time.
    pub fn now(&self) -> Time {
        time_of(self.clock.now())
    }

    /// Returns the time since some fixed moment.
    pub fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    /// Fails if everything must stop.
    pub fn proceed(&self) -> RepoResult<()> {
        if self.cancelled.load(Ordering::Relaxed) { Err(RepoError::Interrupted) } else { Ok(()) }
    }
}

/// Converts a system time.
pub fn time_of(time: SystemTime) -> Time {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => Time { seconds: after.as_secs().cast_signed(), nanoseconds: after.subsec_nanos() },
        Err(before) => {
            let before = before.duration();
            let whole = -before.as_secs().cast_signed();
            match before.subsec_nanos() {
                0 => Time { seconds: whole, nanoseconds: 0 },
                nanoseconds => Time { seconds: whole - 1, nanoseconds: 1_000_000_000 - nanoseconds },
            }
        }
    }
}
