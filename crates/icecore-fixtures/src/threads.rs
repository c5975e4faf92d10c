//! One runtime and one pool for all tests of a process: starting them takes longer than most tests.

use std::sync::{Arc, LazyLock};

use tokio::runtime::{Builder, Handle, Runtime};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());
static WORKERS: LazyLock<Arc<rayon::ThreadPool>> =
    LazyLock::new(|| Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap()));

/// Returns the runtime.
pub fn runtime() -> Handle {
    RUNTIME.handle().clone()
}

/// Returns the pool.
pub fn workers() -> Arc<rayon::ThreadPool> {
    Arc::clone(&WORKERS)
}

/// Waits for a call of a store.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}
