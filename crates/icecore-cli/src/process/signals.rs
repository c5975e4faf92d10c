//! A clean end on signals.

use std::{io, sync::Arc};

use icecore_store::Stop;
use tokio::{
    runtime::Handle,
    signal::unix::{Signal, SignalKind, signal},
};

use crate::{failure::exit_status::ExitStatus, surface::console::Console};

/// Requests `stop` on the first SIGINT, SIGTERM or SIGHUP; a second SIGINT or SIGTERM ends the process at
/// once.
///
/// A SIGHUP never counts as the second one: closing a terminal sends several. If `nohup` ignores it, it stays
/// ignored.
pub(crate) fn watch_signals(runtime: &Handle, stop: Stop, console: Arc<Console>) -> io::Result<()> {
    let _entered = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // A file that exceeds `ulimit -f` then causes an error of the write, and does not end the process.
    drop(signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?);
    let mut hangup = if may_take_hangup() { Some(signal(SignalKind::hangup())?) } else { None };
    runtime.spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = next_of(hangup.as_mut()) => {}
        }
        stop.request();
        console.notice("stopping; a second signal ends the program immediately");
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

/// Returns whether SIGHUP is not ignored, because a handler would change that. If this is unknown, SIGHUP is
/// left alone.
fn may_take_hangup() -> bool {
    std::fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| !ignores(&status, rustix::process::Signal::HUP))
}

/// Returns whether a process ignores a signal, according to its `/proc/PID/status`, `proc_pid_status(5)`.
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
