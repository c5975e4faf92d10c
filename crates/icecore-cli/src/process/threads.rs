//! The threads that drive store calls.

use std::{io, time::Duration};

use tokio::runtime::{Builder, Handle, Runtime};

/// Threads that drive store calls; the calls themselves mostly wait.
const STORE_THREADS: usize = 2;

/// Longest time at the end for calls that the system has to finish: a look-up of a host name, a write to a
/// disk.
const ENDING_TIME_MAX: Duration = Duration::from_secs(1);

/// The threads that drive store calls. At the end they are not waited for if they hang: everything that a
/// command needs has ended by then.
#[derive(Debug)]
pub(crate) struct StoreThreads {
    handle: Handle,
    /// Taken when the threads end.
    runtime: Option<Runtime>,
}

impl StoreThreads {
    /// Returns the way to give them work.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for StoreThreads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(ENDING_TIME_MAX);
        }
    }
}

/// Starts the threads that drive store calls, of which those of a local store are on threads of their own.
pub(crate) fn start_threads(store_calls_max: usize) -> io::Result<StoreThreads> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(STORE_THREADS)
        .max_blocking_threads(store_calls_max)
        .thread_name("icecore-store")
        .enable_all()
        .build()?;
    Ok(StoreThreads { handle: runtime.handle().clone(), runtime: Some(runtime) })
}
