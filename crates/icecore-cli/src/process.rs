//! The process and its surroundings: requests to the system, limits, threads, signals, environment and files.

use std::io;

use rustix::fs::{FileType, OFlags, makedev};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

pub(crate) mod configuration;
pub(crate) mod directories;
pub(crate) mod environment_variables;
pub(crate) mod limits;
pub(crate) mod logging;
pub(crate) mod signals;
pub(crate) mod threads;

/// Keeps keys out of core files and away from debuggers of other processes, and allows more open files.
///
/// Refusals of the system are ignored: the results are right without these settings.
pub(crate) fn prepare() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = setrlimit(Resource::Core, none);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    icecore_fs::raise_descriptor_limit();
}

/// Returns whether the process was started with standard output closed.
///
/// The standard library then opens `/dev/null` for reading and writing, while `> /dev/null` opens it only for
/// writing. A service manager may also open it for both, so use this only for output that nobody would
/// request just to discard it.
pub(crate) fn is_output_closed() -> bool {
    let output = io::stdout();
    let is_null = rustix::fs::fstat(&output).is_ok_and(|stat| {
        FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == makedev(1, 3)
    });
    is_null && rustix::fs::fcntl_getfl(&output).is_ok_and(|flags| flags & OFlags::RWMODE == OFlags::RDWR)
}
