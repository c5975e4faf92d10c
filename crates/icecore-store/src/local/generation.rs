//! The lock file: it serializes replacement and deletion, and counts the generations that make versions unique.
//!
//! The counter is the file's time of modification, in units of [`STAMP_UNIT_NANOSECONDS`]: a change of it needs no space
//! (deletion must work on a full disk), goes straight to the server of a network file system, and where the file was
//! lost, a new one begins later than the old one did.

use std::{
    fs::File,
    os::fd::{AsFd, OwnedFd},
    time::{Duration, SystemTime},
};

use rustix::{
    fs::{AtFlags, FlockOperation, Mode, OFlags, Stat, Timespec, Timestamps},
    io::{Errno, retry_on_intr},
};

use super::{directory::Root, failure::Call};
use crate::{
    error::StoreError,
    store::{StoreResult, Version},
};

/// Name of the lock file in the root; no valid key.
pub(super) const LOCK_NAME: &str = "+lock";

/// Granularity of the stamps in nanoseconds; some network file systems keep no finer times.
const STAMP_UNIT_NANOSECONDS: i64 = 100;

/// The lock file, locked until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: OwnedFd,
}

impl Lock {
    /// Waits until nobody else changes objects; blocks.
    pub(super) fn exclusive(root: &Root, call: Call<'_>) -> StoreResult<Self> {
        Self::take(root, call, FlockOperation::LockExclusive)
    }

    fn take(root: &Root, call: Call<'_>, operation: FlockOperation) -> StoreResult<Self> {
        loop {
            let opened = open_lock_file(root).map_err(|errno| call.failed_inside(errno))?;
            match retry_on_intr(|| rustix::fs::flock(&opened, operation)) {
                Ok(()) => {}
                Err(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS) => {
                    return Err(StoreError::Unsupported {
                        location: root.path.display().to_string(),
                        reason: "its file system has no file locks".to_owned(),
                    });
                }
                Err(errno) => return Err(call.failed_inside(errno)),
            }
            // If the file was deleted while this call waited, others lock a new one by now.
            let held = rustix::fs::fstat(&opened).map_err(|errno| call.failed_inside(errno))?;
            match rustix::fs::statat(&root.directory, LOCK_NAME, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(named) if named.st_ino == held.st_ino && named.st_dev == held.st_dev => {
                    if held.st_uid == 0 {
                        root.owner
                            .give_if_empty(&opened, &root.path)
                            .map_err(|errno| call.failed_inside(errno))?;
                    }
                    return Ok(Self { file: opened });
                }
                Ok(_) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(call.failed_inside(errno)),
            }
        }
    }

    /// Returns the time that the counter is, cut to whole units.
    fn counter(&self) -> Result<Timespec, Errno> {
        let time = modification(&rustix::fs::fstat(&self.file)?);
        Ok(Timespec { tv_nsec: time.tv_nsec - time.tv_nsec % STAMP_UNIT_NANOSECONDS, ..time })
    }

    /// Raises the counter; to be called before an object's file is let go of, under the exclusive lock.
    ///
    /// Not synced: nobody who remembers a version survives a loss of power, and the seconds in it tell before from after.
    pub(super) fn begin_generation(&self, call: Call<'_>) -> StoreResult<()> {
        let failed = |errno| call.failed_inside(errno);
        let mut time = self.counter().map_err(failed)?;
        time.tv_nsec += STAMP_UNIT_NANOSECONDS;
        if time.tv_nsec >= 1_000_000_000 {
            time = Timespec { tv_sec: time.tv_sec.wrapping_add(1), tv_nsec: 0 };
        }
        set_times(&self.file, time).map_err(failed)
    }
}

fn open_lock_file(root: &Root) -> Result<OwnedFd, Errno> {
    // Open for writing even where it is only read: NFS gives exclusive locks to writers only.
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(&root.directory, LOCK_NAME, flags, Mode::RUSR | Mode::WUSR)
}

/// Marks a new file, which nobody can see yet, with the generation of now.
pub(super) fn stamp(root: &Root, file: &File, call: Call<'_>) -> StoreResult<()> {
    let failed = |errno| call.failed_inside(errno);
    // The file exists already, so its inode was let go of by its former object before the counter is read here.
    let counter = Lock::take(root, call, FlockOperation::LockShared)?.counter().map_err(failed)?;
    // The file has just been written, so the seconds of its own time are those of now, by the file system's clock.
    let written = modification(&rustix::fs::fstat(file).map_err(failed)?);
    let stamp = Timespec { tv_sec: written.tv_sec, tv_nsec: counter.tv_nsec };
    set_times(file, stamp).map_err(failed)?;
    if modification(&rustix::fs::fstat(file).map_err(failed)?) == stamp {
        Ok(())
    } else {
        Err(StoreError::Unsupported {
            location: root.path.display().to_string(),
            reason: format!("its file system does not keep times to {STAMP_UNIT_NANOSECONDS} nanoseconds"),
        })
    }
}

fn modification(stat: &Stat) -> Timespec {
    // Below a thousand million, so the conversion does not fail.
    Timespec { tv_sec: stat.st_mtime, tv_nsec: i64::try_from(stat.st_mtime_nsec).unwrap_or(0) }
}

fn set_times(file: impl AsFd, time: Timespec) -> Result<(), Errno> {
    rustix::fs::futimens(file, &Timestamps { last_access: time, last_modification: time })
}

/// Returns the version of the object that `stat` is of.
pub(super) fn version(stat: &Stat) -> Version {
    Version(format!("{:x}-{:x}.{:x}-{:x}", stat.st_ino, stat.st_mtime, stat.st_mtime_nsec, stat.st_size))
}

/// Returns when the object was written, to the second: the fraction is no time.
pub(super) fn modified(stat: &Stat) -> SystemTime {
    let since_epoch = Duration::from_secs(stat.st_mtime.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let time =
        if stat.st_mtime < 0 { epoch.checked_sub(since_epoch) } else { epoch.checked_add(since_epoch) };
    time.unwrap_or(epoch)
}
