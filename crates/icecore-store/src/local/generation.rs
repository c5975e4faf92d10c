//! The lock file: it serializes replacement and deletion, and counts the generations that make versions
//! unique.
//!
//! The counter is the time of modification of the file. Changing it needs no space (deletion must work on a
//! full disk), and the change goes straight to the server of a network file system. If the file is lost, a
//! new one begins at a later time than the old one. The unit is [`STAMP_UNIT_NANOSECONDS`], or
//! [`COARSE_SECONDS`] if the file system keeps no fractions.

use std::{
    fs::File,
    os::fd::{AsFd, OwnedFd},
    time::{Duration, SystemTime},
};

use rustix::{
    fs::{AtFlags, FlockOperation, Mode, OFlags, Stat, Timespec, Timestamps},
    io::{Errno, retry_on_intr},
};

use super::{
    directory::Root,
    failure::Call,
    granularity::{COARSE_SECONDS, Granularity, STAMP_UNIT_NANOSECONDS, floor_seconds},
};
use crate::{
    error::StoreError,
    store::{StoreResult, Version},
};

/// Name of the lock file in the root; not a valid key.
pub(super) const LOCK_NAME: &str = "+lock";

/// The lock file, locked until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: OwnedFd,
}

impl Lock {
    /// Waits until no other process changes objects; blocks.
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
            // If the file was deleted while this call waited, other processes lock a new one by now.
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

    /// Returns the time that is the counter, cut to whole units.
    fn counter(&self) -> Result<Timespec, Errno> {
        let time = modification(&rustix::fs::fstat(&self.file)?);
        Ok(Timespec { tv_nsec: time.tv_nsec - time.tv_nsec % STAMP_UNIT_NANOSECONDS, ..time })
    }

    /// Raises the counter. Must be called under the exclusive lock, before the file `released` of an object
    /// is released.
    ///
    /// Not synced: nobody who remembers a version survives a loss of power, and the seconds distinguish
    /// versions from before and after it.
    pub(super) fn begin_generation(&self, root: &Root, released: &Stat, call: Call<'_>) -> StoreResult<()> {
        let failed = |errno| call.failed_inside(errno);
        if self.raise_fraction(root).map_err(failed)? {
            return Ok(());
        }
        if self.raise_seconds(released).map_err(failed)? { Ok(()) } else { Err(unsupported(root)) }
    }

    /// Raises the counter by one unit of its fraction; returns whether the file system keeps such times.
    fn raise_fraction(&self, root: &Root) -> Result<bool, Errno> {
        if root.granularity.get() == Some(&Granularity::Coarse) {
            return Ok(false);
        }
        let mut time = self.counter()?;
        time.tv_nsec += STAMP_UNIT_NANOSECONDS;
        if time.tv_nsec >= 1_000_000_000 {
            time = Timespec { tv_sec: time.tv_sec.wrapping_add(1), tv_nsec: 0 };
        }
        set_times(&self.file, time)?;
        if root.granularity.get().is_some() {
            return Ok(true);
        }
        // One unit more than a time that was kept: a coarser file system loses the unit.
        let is_kept = modification(&rustix::fs::fstat(&self.file)?) == time;
        Ok(learn(root, is_kept) == Granularity::Fine)
    }

    /// Makes the counter greater than the stamp of a released file; returns whether the file system accepts
    /// it.
    fn raise_seconds(&self, released: &Stat) -> Result<bool, Errno> {
        let counter = modification(&rustix::fs::fstat(&self.file)?).tv_sec;
        if counter > released.st_mtime {
            return Ok(true);
        }
        let next =
            Timespec { tv_sec: floor_seconds(released.st_mtime.saturating_add(COARSE_SECONDS)), tv_nsec: 0 };
        set_times(&self.file, next)?;
        Ok(modification(&rustix::fs::fstat(&self.file)?) == next)
    }
}

/// Records how fine times are, and returns the value that was recorded first.
fn learn(root: &Root, is_fine: bool) -> Granularity {
    *root.granularity.get_or_init(|| if is_fine { Granularity::Fine } else { Granularity::Coarse })
}

/// Returns the error for times that are not kept, or that end: with inodes of 128 bytes, the times of ext4
/// end in 2038.
fn unsupported(root: &Root) -> StoreError {
    StoreError::Unsupported {
        location: root.path.display().to_string(),
        reason: format!("its file system does not keep file times, not even to {COARSE_SECONDS} seconds"),
    }
}

fn open_lock_file(root: &Root) -> Result<OwnedFd, Errno> {
    // Opened for writing even if it is only read: NFS grants exclusive locks only to writers.
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(&root.directory, LOCK_NAME, flags, Mode::RUSR | Mode::WUSR)
}

/// Marks a new file, which nobody can see yet, with the current generation.
pub(super) fn stamp(root: &Root, file: &File, call: Call<'_>) -> StoreResult<()> {
    let failed = |errno| call.failed_inside(errno);
    // The file exists already, so its former object released the inode before the counter is read here.
    let counter = Lock::take(root, call, FlockOperation::LockShared)?.counter().map_err(failed)?;
    // The file has just been written, so the seconds of its time are the current seconds of the file system's
    // clock.
    let written = modification(&rustix::fs::fstat(file).map_err(failed)?);
    let stamp = match granularity(root, file, counter, written).map_err(failed)? {
        Granularity::Fine => Timespec { tv_sec: written.tv_sec, tv_nsec: counter.tv_nsec },
        Granularity::Coarse => {
            // The lock file itself may have an odd second.
            let counter = floor_seconds(counter.tv_sec.saturating_add(COARSE_SECONDS - 1));
            Timespec { tv_sec: floor_seconds(written.tv_sec).max(counter), tv_nsec: 0 }
        }
    };
    set_times(file, stamp).map_err(failed)?;
    let is_kept = modification(&rustix::fs::fstat(file).map_err(failed)?) == stamp;
    if is_kept { Ok(()) } else { Err(unsupported(root)) }
}

/// Finds out how fine times are, unless that is known already; `file` may get any times.
fn granularity(root: &Root, file: &File, counter: Timespec, written: Timespec) -> Result<Granularity, Errno> {
    if let Some(known) = root.granularity.get() {
        return Ok(*known);
    }
    // Usually the time has a fraction that coarser times do not have.
    if counter.tv_nsec / STAMP_UNIT_NANOSECONDS % 10 != 0 {
        return Ok(learn(root, true));
    }
    let probe = Timespec { tv_nsec: STAMP_UNIT_NANOSECONDS, ..written };
    set_times(file, probe)?;
    Ok(learn(root, modification(&rustix::fs::fstat(file)?) == probe))
}

fn modification(stat: &Stat) -> Timespec {
    // Less than a thousand million, so the conversion does not fail.
    Timespec { tv_sec: stat.st_mtime, tv_nsec: i64::try_from(stat.st_mtime_nsec).unwrap_or(0) }
}

fn set_times(file: impl AsFd, time: Timespec) -> Result<(), Errno> {
    rustix::fs::futimens(file, &Timestamps { last_access: time, last_modification: time })
}

/// Returns the version of the object with this `stat`.
pub(super) fn version(stat: &Stat) -> Version {
    Version(format!("{:x}-{:x}.{:x}-{:x}", stat.st_ino, stat.st_mtime, stat.st_mtime_nsec, stat.st_size))
}

/// Returns when the object was written, to the second: the fraction is not a time.
pub(super) fn modified(stat: &Stat) -> SystemTime {
    let since_epoch = Duration::from_secs(stat.st_mtime.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let time =
        if stat.st_mtime < 0 { epoch.checked_sub(since_epoch) } else { epoch.checked_add(since_epoch) };
    time.unwrap_or(epoch)
}
