//! The threads that drive store calls.

use std::{io, time::Duration};

use tokio::runtime::{Builder, Handle, Runtime};

/// Threads that drive store calls; the calls mostly wait.
const STORE_THREADS: usize = 2;

/// Maximum time at the end for calls that the system has to finish: looking up a host name, writing to a
/// disk.
const ENDING_TIME_MAX: Duration = Duration::from_secs(1);

/// The threads that drive store calls. If they hang at the end, nobody waits for them: everything that a
/// command needs is finished by then.
#[derive(Debug)]
pub(crate) struct StoreThreads {
    handle: Handle,
    /// Taken when the threads end.
    runtime: Option<Runtime>,
}

impl StoreThreads {
    /// Returns the handle for giving them work.
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

/// Starts the threads that drive store calls; calls of a local store run on separate threads.
pub(crate) fn start_threads(store_calls_max: usize) -> io::Result<StoreThreads> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(STORE_THREADS)
        .max_blocking_threads(store_calls_max)
        .thread_name("icecore-store")
        .enable_all()
        .build()?;
    Ok(StoreThreads { handle: runtime.handle().clone(), runtime: Some(runtime) })
}
