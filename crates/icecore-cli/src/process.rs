//! The process and its surroundings: what it asks of the system, its limits, threads, signals, environment
//! and files.

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
/// What the system refuses is left as it is: none of it is needed for a right result.
pub(crate) fn prepare() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = setrlimit(Resource::Core, none);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    icecore_fs::raise_descriptor_limit();
}

/// Says whether the process was started with standard output closed.
///
/// The standard library opens `/dev/null` in its place, for reading and writing; `> /dev/null` opens it for
/// writing only. A service manager may do the former, too, so this is for texts that nobody asks for only to
/// throw them away.
pub(crate) fn is_output_closed() -> bool {
    let output = io::stdout();
    let is_null = rustix::fs::fstat(&output).is_ok_and(|stat| {
        FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == makedev(1, 3)
    });
    is_null && rustix::fs::fcntl_getfl(&output).is_ok_and(|flags| flags & OFlags::RWMODE == OFlags::RDWR)
}
