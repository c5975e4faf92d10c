//! Limits of the system for this process: memory, open files, threads. If there is too little of one, this is
//! reported at the start; if one is scarce, less is done at the same time.
//!
//! Rust ends a process at once if an allocation fails, so the process must know in advance that there is
//! enough memory.

use std::{
    ffi::OsString,
    fs,
    num::NonZeroUsize,
    os::unix::process::CommandExt,
    process::Command,
    sync::{Arc, Mutex, mpsc},
    thread::{self, available_parallelism},
};

use icecore_access::Allowance;
use rustix::process::{Resource, getrlimit};

use crate::{
    failure::{Failure, Outcome, exit_status::ExitStatus},
    process::environment_variables,
};
use icecore_operations::text;

/// Variable for the allocator of glibc (mallopt(3)): the number of arenas; each takes 64 MiB of address
/// space.
const ARENAS_VARIABLE: &str = "MALLOC_ARENA_MAX";
/// Variable for the standard library: the size of the stacks of threads, in bytes.
const STACK_VARIABLE: &str = "RUST_MIN_STACK";
/// Stack of a thread if memory is limited, in bytes.
const STACK_BYTES: u64 = 1 << 20;

/// Memory of a command that reads little, without its threads, in bytes.
const LIGHT_BYTES: u64 = 64 << 20;
/// Memory of a command that processes data: packs, blocks, indexes, buffers.
const HEAVY_BYTES: u64 = 400 << 20;
/// Memory of each thread that compresses or opens blocks.
const WORKER_BYTES: u64 = 48 << 20;
/// Threads besides the workers that each command must be able to start.
const OTHER_THREADS_MIN: usize = 28;
/// Maximum number of threads for calls of a local store.
const STORE_THREADS_MAX: usize = 64;
/// Higher limits of threads do not matter.
const THREADS_LIMIT_NOTED: u64 = 4096;
/// Memory of the process if the system does not report it, in bytes.
const USED_BYTES_GUESS: u64 = 96 << 20;

/// Minimum number of open files of a command: catalogue, directories, the store's own.
const DESCRIPTORS_MIN: u64 = 64;
/// Open files that are reserved for everything except calls of a local store.
const DESCRIPTORS_KEPT: u64 = 40;
/// Maximum number of open files of each call of a local store.
const DESCRIPTORS_A_CALL: u64 = 4;

/// How much data a command processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Only metadata.
    Light,
    /// Content of files.
    Heavy,
}

/// Limits of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bounds {
    /// Remaining address space in bytes; none if it is not limited.
    memory_bytes: Option<u64>,
    /// Limit of the address space, in bytes.
    memory_bytes_max: Option<u64>,
    descriptors: u64,
    cores: usize,
}

/// If memory is limited, replaces this process with a new start of the program, so that the allocator and the
/// threads use no more address space than they need. Returns if memory is not limited, or if this is
/// impossible.
pub fn restart_if_memory_is_limited(words: &[OsString]) {
    if memory_limit().is_none() || environment_variables::read(ARENAS_VARIABLE).is_some() {
        return;
    }
    let Some((name, arguments)) = words.split_first() else { return };
    let mut command = Command::new("/proc/self/exe");
    command.arg0(name).args(arguments);
    command.env(ARENAS_VARIABLE, "1").env(STACK_VARIABLE, STACK_BYTES.to_string());
    let error = command.exec();
    tracing::debug!(%error, "memory is limited, and the program cannot be started again to use less of it");
}

/// Returns what a command may use; fails if it is too little.
pub(crate) fn allow(weight: Weight) -> Outcome<Allowance> {
    let memory_bytes_max = memory_limit();
    let bounds = Bounds {
        memory_bytes: memory_bytes_max.map(|limit| limit.saturating_sub(used_bytes())),
        memory_bytes_max,
        descriptors: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
        cores: available_parallelism().map_or(2, NonZeroUsize::get),
    };
    let allowance = bounds.allow(weight)?;
    if !allowance.is_scarce && !are_threads_limited() {
        return Ok(allowance);
    }
    let threads = allowance.workers + OTHER_THREADS_MIN;
    let started = startable_threads(threads);
    if started < threads.min(OTHER_THREADS_MIN + 1) {
        return Err(too_few_threads(started, memory_bytes_max.is_some()));
    }
    let spare = started.saturating_sub(OTHER_THREADS_MIN).max(1);
    Ok(if started < threads {
        Allowance { workers: allowance.workers.min(spare), store_calls: 4, is_scarce: true, ..allowance }
    } else {
        allowance
    })
}

/// Says whether files may not grow beyond some size: SQLite reports that as an error of the disk.
pub(crate) fn is_file_size_limited() -> bool {
    getrlimit(Resource::Fsize).current.is_some()
}

fn too_few_threads(started: usize, is_memory_limited: bool) -> Failure {
    let (cause, hint) = if is_memory_limited {
        ("not enough memory", "raise the memory limit (`ulimit -v`, `ulimit -d`), or remove it")
    } else {
        ("process limit reached", "raise the process limit (`ulimit -u`, or the limit of the container)")
    };
    let needed = OTHER_THREADS_MIN + 1;
    let message = format!("{cause}: only {started} threads can be started, and icecore needs {needed}");
    Failure::new(ExitStatus::Failed, message).hint(hint)
}

impl Bounds {
    fn allow(&self, weight: Weight) -> Outcome<Allowance> {
        if self.descriptors < DESCRIPTORS_MIN {
            let message = format!(
                "too few open files are allowed: {}, and icecore needs {DESCRIPTORS_MIN}",
                self.descriptors
            );
            return Err(
                Failure::new(ExitStatus::Failed, message).hint("raise the limit with `ulimit -n 1024`")
            );
        }
        let calls = self.descriptors.saturating_sub(DESCRIPTORS_KEPT) / DESCRIPTORS_A_CALL;
        let store_calls = usize::try_from(calls).unwrap_or(STORE_THREADS_MAX).min(STORE_THREADS_MAX);
        let is_scarce = store_calls < STORE_THREADS_MAX;
        let Some(left) = self.memory_bytes else {
            return Ok(Allowance { workers: self.cores, store_calls, is_scarce, memory_bytes: None });
        };
        let fixed = match weight {
            Weight::Light => LIGHT_BYTES,
            Weight::Heavy => HEAVY_BYTES,
        };
        let fixed = fixed + OTHER_THREADS_MIN as u64 * STACK_BYTES;
        let workers = usize::try_from(left.saturating_sub(fixed) / WORKER_BYTES).unwrap_or(self.cores);
        if workers == 0 {
            let limit = self.memory_bytes_max.unwrap_or(left);
            let message = format!(
                "not enough memory: the limit of this process is {}, of which {} are left, and this command needs {}",
                text::size(limit),
                text::size(left),
                text::size(fixed + WORKER_BYTES)
            );
            return Err(Failure::new(ExitStatus::Failed, message)
                .hint("raise the limit of the address space with `ulimit -v`, or remove it"));
        }
        Ok(Allowance {
            workers: workers.min(self.cores),
            store_calls: store_calls.min(8),
            is_scarce: true,
            memory_bytes: Some(left),
        })
    }
}

/// Returns the limit of the address space or of private memory, in bytes, if there is one.
fn memory_limit() -> Option<u64> {
    [Resource::As, Resource::Data].into_iter().filter_map(|resource| getrlimit(resource).current).min()
}

/// Returns the used address space of the process, in bytes (`proc_pid_status(5)`).
fn used_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kib = size.and_then(|size| size.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.map_or(USED_BYTES_GUESS, |kib| kib << 10)
}

/// Returns whether there is a limit of threads that a command could reach: of the user, or of a container.
fn are_threads_limited() -> bool {
    let user = getrlimit(Resource::Nproc).current;
    let container = fs::read_to_string("/sys/fs/cgroup/pids.max").ok();
    let container = container.and_then(|text| text.trim().parse::<u64>().ok());
    [user, container].into_iter().flatten().any(|limit| limit < THREADS_LIMIT_NOTED)
}

/// Starts up to `wanted` threads that all run at the same time for a moment, and returns how many there were.
fn startable_threads(wanted: usize) -> usize {
    let (sender, receiver) = mpsc::channel::<()>();
    let receiver = Arc::new(Mutex::new(receiver));
    let mut threads = Vec::with_capacity(wanted);
    for _ in 0..wanted {
        let receiver = Arc::clone(&receiver);
        let wait = move || drop(receiver.lock().map(|receiver| receiver.recv()));
        match thread::Builder::new().name("icecore-trial".to_owned()).spawn(wait) {
            Ok(thread) => threads.push(thread),
            Err(_) => break,
        }
    }
    let started = threads.len();
    drop(sender);
    for thread in threads {
        thread.join().unwrap_or_default();
    }
    started
}

#[cfg(test)]
mod tests;
