//! Metadata of one object, by `statx`.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Statx, StatxFlags, StatxTimestamp, makedev};
use rustix::path::Arg;

use crate::entry::{EntryKind, Metadata, Timestamp};
use crate::error::{FsError, retry_interrupted};
use crate::flags;

/// Bytes of one block in `stx_blocks`, independent of the block size of the file system.
const STAT_BLOCK_BYTES: u64 = 512;

const NANOSECONDS_MAX: u32 = 999_999_999;

/// Result of `statx` for one object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObjectStat {
    pub metadata: Metadata,
    /// Bytes for which the file system has allocated storage.
    pub allocated_bytes: u64,
}

impl ObjectStat {
    /// Device and inode.
    pub fn identity(&self) -> (u64, u64) {
        (self.metadata.device, self.metadata.inode)
    }
}

/// Reads the metadata of a source's root, by the path that the user gave; with `follow`, those of the target
/// of a symbolic link.
///
/// The path in an error is `path`.
pub fn stat_root(path: &Path, follow: bool) -> Result<Metadata, FsError> {
    let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
    let stat = stat(CWD, path, flags)
        .map_err(|source| FsError::new("read the metadata of", path.as_os_str().as_bytes(), source))?;
    Ok(stat.metadata)
}

/// Reads the metadata of the object at a path, following links.
pub(crate) fn stat_path(path: &Path) -> io::Result<ObjectStat> {
    stat(CWD, path, AtFlags::empty())
}

/// Reads the metadata of `name` in an open directory. Does not follow links or trigger automounts.
pub(crate) fn stat_at(directory: impl AsFd, name: impl Arg + Copy) -> io::Result<ObjectStat> {
    stat(directory, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT)
}

/// Reads the metadata of an open object, opened for reading or with `O_PATH`.
pub(crate) fn stat_descriptor(descriptor: impl AsFd) -> io::Result<ObjectStat> {
    stat(descriptor, c"", AtFlags::EMPTY_PATH)
}

fn stat(directory: impl AsFd, path: impl Arg + Copy, flags: AtFlags) -> io::Result<ObjectStat> {
    // Access times are not requested, because network file systems would have to fetch them.
    let wanted = StatxFlags::BASIC_STATS.difference(StatxFlags::ATIME);
    let stat = retry_interrupted(|| rustix::fs::statx(directory.as_fd(), path, flags, wanted))?;
    from_statx(&stat)
}

fn from_statx(stat: &Statx) -> io::Result<ObjectStat> {
    let kind = match FileType::from_raw_mode(u32::from(stat.stx_mode)) {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Symlink,
        FileType::Fifo => EntryKind::Fifo,
        FileType::Socket => EntryKind::Socket,
        FileType::CharacterDevice => EntryKind::CharacterDevice,
        FileType::BlockDevice => EntryKind::BlockDevice,
        FileType::Unknown => {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its file type is unknown"));
        }
    };
    let metadata = Metadata {
        kind,
        mode: u32::from(stat.stx_mode) & 0o7777,
        user_id: stat.stx_uid,
        group_id: stat.stx_gid,
        size: if matches!(kind, EntryKind::File | EntryKind::Symlink) { stat.stx_size } else { 0 },
        modified: timestamp(&stat.stx_mtime),
        changed: timestamp(&stat.stx_ctime),
        inode: stat.stx_ino,
        device: device_number(stat.stx_dev_major, stat.stx_dev_minor),
        links: u64::from(stat.stx_nlink),
        special_device: match kind {
            EntryKind::CharacterDevice | EntryKind::BlockDevice => {
                device_number(stat.stx_rdev_major, stat.stx_rdev_minor)
            }
            _ => 0,
        },
        inode_flags: inode_flags(stat, kind),
    };
    Ok(ObjectStat { metadata, allocated_bytes: stat.stx_blocks.saturating_mul(STAT_BLOCK_BYTES) })
}

/// Returns the inode flags in the result of the call; a file system without flags reports none.
fn inode_flags(stat: &Statx, kind: EntryKind) -> u32 {
    let has_flags = matches!(kind, EntryKind::File | EntryKind::Directory);
    if has_flags { stat.stx_attributes.bits() as u32 & flags::KNOWN } else { 0 }
}

/// Converts a device number from this crate's layout to the kernel's, for `mknod`.
pub fn kernel_device_number(device: u64) -> u64 {
    makedev((device >> 32) as u32, device as u32)
}

fn device_number(major: u32, minor: u32) -> u64 {
    u64::from(major) << 32 | u64::from(minor)
}

fn timestamp(time: &StatxTimestamp) -> Timestamp {
    // A damaged file system can report more than a second of nanoseconds.
    Timestamp { seconds: time.tv_sec, nanoseconds: time.tv_nsec.min(NANOSECONDS_MAX) }
}
