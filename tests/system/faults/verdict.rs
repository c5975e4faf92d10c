//! How a command must end after a fault.

use std::{
    io,
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use icecore_store::{
    StoreError,
    fault::{Fault, InjectedError},
};

use crate::engines::EngineError;

/// Much longer than any command takes here on a busy machine.
const TIME_MAX: Duration = Duration::from_mins(2);

/// Faults that the retries of the program must survive.
pub(super) const TRANSIENT: [Fault; 4] = [
    Fault::Error(InjectedError::Unavailable { retry_after: None }),
    Fault::Error(InjectedError::Unavailable { retry_after: Some(Duration::from_secs(9)) }),
    Fault::Delay(Duration::from_secs(30)),
    Fault::LostReply,
];
/// Faults that a command may fail with.
pub(super) const LASTING: [Fault; 6] = [
    Fault::Error(InjectedError::NoSpace),
    Fault::Error(InjectedError::AccessDenied),
    Fault::Error(InjectedError::Io(io::ErrorKind::Other)),
    Fault::Truncate(0),
    Fault::Truncate(100),
    Fault::FlipBit,
];

/// Runs `work`, which must not hang; aborts if it does, because nothing could end it.
pub(super) fn in_time<T>(shown: &str, work: impl FnOnce() -> T) -> T {
    let (done, watch) = channel::<()>();
    let shown = shown.to_owned();
    let watcher = thread::spawn(move || {
        if watch.recv_timeout(TIME_MAX) == Err(RecvTimeoutError::Timeout) {
            println!("HANGS: {shown}");
            std::process::abort();
        }
    });
    let value = work();
    drop(done);
    watcher.join().unwrap();
    value
}

/// Returns whether a command may end like this after `fault`, without retries or despite them.
pub(super) fn is_fitting(error: &EngineError, fault: &Fault) -> bool {
    if error.text().is_empty() {
        return false;
    }
    match fault {
        // With a damaged key slot, the others remain, which the key may not open; unreadable objects count as
        // missing.
        Fault::Truncate(_) | Fault::FlipBit => {
            error.exit_code() == 20 || error.is_wrong_key() || error.is_oversight()
        }
        Fault::Error(InjectedError::NoSpace) => {
            is_store(error, |error| matches!(error, StoreError::NoSpace { .. }))
        }
        Fault::Error(InjectedError::AccessDenied) => {
            is_store(error, |error| matches!(error, StoreError::AccessDenied { .. }))
        }
        Fault::Error(InjectedError::Archived) => is_store(error, StoreError::is_archived),
        Fault::Error(InjectedError::Io(_)) => is_store(error, |error| matches!(error, StoreError::Io { .. })),
        Fault::Error(InjectedError::Unavailable { .. }) | Fault::LostReply => {
            is_store(error, StoreError::is_transient)
        }
        Fault::Delay(_) | Fault::ListLacks(..) | Fault::Crash | Fault::CrashAfter => false,
    }
}

/// Returns whether the error is the store's own, and not reported as damage.
fn is_store(error: &EngineError, fits: impl Fn(&StoreError) -> bool) -> bool {
    if error.exit_code() != 1 {
        return false;
    }
    match error {
        // A restore lists the files that it could not restore, each with the error of the store.
        EngineError::Incomplete { problems, damaged } => !problems.is_empty() && !damaged,
        error => error.store().is_some_and(fits),
    }
}
