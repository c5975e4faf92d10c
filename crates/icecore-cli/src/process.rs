//! What the process asks of the system before it does anything: no core files, more descriptors, a clean end on signals.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{Signal, SignalKind, signal},
};

use crate::{console::Console, exit_status::ExitStatus};

/// Threads that drive store calls; the calls themselves mostly wait.
const STORE_THREADS: usize = 2;

/// Keeps keys out of core files and away from debuggers of other processes, and allows more open files.
///
/// What the system refuses is left as it is: none of it is needed for a right result.
pub(crate) fn prepare() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = setrlimit(Resource::Core, none);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    icecore_fs::raise_descriptor_limit();
}

/// Starts the threads that drive store calls, of which those of a local store are on threads of their own.
pub(crate) fn start_runtime(store_calls_max: usize) -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(STORE_THREADS)
        .max_blocking_threads(store_calls_max)
        .thread_name("icecore-store")
        .enable_all()
        .build()
}

/// Sets `cancelled` on the first SIGINT or SIGTERM; the second one ends the process at once.
pub(crate) fn watch_signals(
    runtime: &Runtime,
    cancelled: Arc<AtomicBool>,
    console: Arc<Console>,
) -> io::Result<()> {
    let _entered = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // A file that grows beyond `ulimit -f` is then an error of the write, and no end of the process.
    drop(signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?);
    runtime.spawn(async move {
        next_of(&mut interrupt, &mut terminate).await;
        cancelled.store(true, Ordering::Relaxed);
        console.notice("stopping; a second signal ends at once");
        next_of(&mut interrupt, &mut terminate).await;
        end_at_once();
    });
    Ok(())
}

async fn next_of(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[expect(clippy::disallowed_methods, reason = "whoever asks twice does not want to wait for anybody")]
fn end_at_once() {
    std::process::exit(ExitStatus::Interrupted.code().into());
}
