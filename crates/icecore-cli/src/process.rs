//! What the process asks of the system before it does anything: no core files, more descriptors, a clean end on signals.

use std::{io, sync::Arc, time::Duration};

use icecore_store::Stop;
use rustix::fs::{FileType, OFlags, makedev};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use tokio::{
    runtime::{Builder, Handle, Runtime},
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

/// Says whether the process was started with standard output closed.
///
/// The standard library opens `/dev/null` in its place, for reading and writing; `> /dev/null` opens it for writing only. A
/// service manager may do the former, too, so this is for texts that nobody asks for only to throw them away.
pub(crate) fn is_output_closed() -> bool {
    let output = io::stdout();
    let is_null = rustix::fs::fstat(&output).is_ok_and(|stat| {
        FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == makedev(1, 3)
    });
    is_null && rustix::fs::fcntl_getfl(&output).is_ok_and(|flags| flags & OFlags::RWMODE == OFlags::RDWR)
}

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

/// Requests `stop` on the first SIGINT, SIGTERM or SIGHUP; a second SIGINT or SIGTERM ends the process at
/// once.
///
/// A SIGHUP is never the second one: who closes a terminal sends several. Where it is ignored already, by
/// `nohup`, it stays so.
pub(crate) fn watch_signals(runtime: &Handle, stop: Stop, console: Arc<Console>) -> io::Result<()> {
    let _entered = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // A file that grows beyond `ulimit -f` is then an error of the write, and no end of the process.
    drop(signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?);
    let mut hangup = if may_take_hangup() { Some(signal(SignalKind::hangup())?) } else { None };
    runtime.spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = next_of(hangup.as_mut()) => {}
        }
        stop.request();
        console.notice("stopping; a second signal ends at once");
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        end_at_once();
    });
    Ok(())
}

async fn next_of(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Says whether SIGHUP is not ignored: a handler would put an end to that. Where it cannot be found out, it is left alone.
fn may_take_hangup() -> bool {
    std::fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| !ignores(&status, rustix::process::Signal::HUP))
}

/// Says whether a process ignores a signal, by its `/proc/PID/status`, `proc_pid_status(5)`.
fn ignores(status: &str, signal: rustix::process::Signal) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (signal.as_raw() - 1) & 1 == 1
}

#[expect(clippy::disallowed_methods, reason = "whoever asks twice does not want to wait for anybody")]
fn end_at_once() {
    std::process::exit(ExitStatus::Interrupted.code().into());
}

#[cfg(test)]
mod tests;
