//! Finds holes of existing files, and punches and fills holes without a change of content.

use std::io;

use rustix::fs::{Advice, FallocateFlags, Mode, OFlags, SeekFrom};
use rustix::io::Errno;

use super::TargetTree;
use super::file::ExistingFile;
use super::protection::lift_from_file;
use super::status::metadata_of;
use crate::error::{FsError, retry_interrupted};

/// Flags to open a file in order to punch holes: does not follow links or wait.
const WRITE: OFlags = OFlags::WRONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Smallest block that can become a hole.
const BLOCK_BYTES_MIN: u64 = 512;

/// Zeros that are written at once.
static ZEROS: [u8; 256 << 10] = [0; 256 << 10];

impl ExistingFile {
    /// Returns the first range of data within `start..end`, as `(start, end)`; none if all of it is a hole.
    ///
    /// On a file system without holes, everything is data.
    pub fn next_data(&self, start: u64, end: u64) -> Result<Option<(u64, u64)>, FsError> {
        if start >= end {
            return Ok(None);
        }
        let begin = match self.seek(SeekFrom::Data(start)) {
            Err(Errno::NXIO) => return Ok(None),
            Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(Some((start, end))),
            result => result.map_err(|errno| self.error("look for holes in", errno))?,
        };
        if begin >= end {
            return Ok(None);
        }
        match self.seek(SeekFrom::Hole(begin)) {
            // The file has become shorter.
            Err(Errno::NXIO) => Ok(None),
            // The file system is faulty: treat everything as data.
            Ok(hole) if hole <= begin => Ok(Some((begin, end))),
            Ok(hole) => Ok(Some((begin, hole.min(end)))),
            Err(errno) => Err(self.error("look for holes in", errno)),
        }
    }

    /// Makes the written content of the file durable, and drops it from the page cache, so that the next read
    /// comes from the disk. On a file system without its own cache, or in memory, this has no effect on
    /// reading.
    pub fn drop_cache(&self) -> Result<(), FsError> {
        match retry_interrupted(|| rustix::fs::fdatasync(self)) {
            // The file system has nothing to synchronize.
            Ok(()) | Err(Errno::INVAL | Errno::ROFS) => {}
            Err(errno) => return Err(self.error("synchronise", errno)),
        }
        // Advice only; the file is read even if the file system ignores it.
        let _: Result<(), Errno> = rustix::fs::fadvise(self, 0, None, Advice::DontNeed);
        Ok(())
    }

    fn seek(&self, position: SeekFrom) -> Result<u64, Errno> {
        retry_interrupted(|| rustix::fs::seek(self, position))
    }
}

/// An existing file whose holes are punched or filled; its content stays the same.
#[derive(Debug)]
pub struct HoleFile {
    descriptor: std::os::fd::OwnedFd,
    path: Vec<u8>,
    block_bytes: u64,
}

impl TargetTree {
    /// Opens the compared file to change its holes; none if it may not be written, is being executed, or if
    /// its name now belongs to another file.
    pub fn open_for_holes(&self, existing: &ExistingFile) -> Result<Option<HoleFile>, FsError> {
        let opened = self.in_parent("open the file", existing.path(), |parent, name| {
            let open = || rustix::fs::openat(parent, name, WRITE, Mode::empty());
            let descriptor = match open() {
                Err(Errno::PERM) if lift_from_file(parent, name).is_some() => open()?,
                Err(Errno::LOOP | Errno::NXIO | Errno::TXTBSY | Errno::ACCESS) => return Ok(None),
                result => result?,
            };
            let (found, known) = (metadata_of(&descriptor)?, existing.metadata());
            let block_bytes =
                u64::try_from(rustix::fs::fstat(&descriptor)?.st_blksize).unwrap_or(0).max(BLOCK_BYTES_MIN);
            let file = HoleFile { descriptor, path: existing.path().to_vec(), block_bytes };
            let is_same = (found.device, found.inode) == (known.device, known.inode);
            Ok(Some(file).filter(|_| is_same))
        });
        super::absent_as_none(opened).map(Option::flatten)
    }
}

impl HoleFile {
    /// Punches a hole into the whole blocks of a range that reads as zeros; returns `false` if the file
    /// system cannot do it.
    pub fn punch(&self, start: u64, end: u64) -> Result<bool, FsError> {
        let start = start.next_multiple_of(self.block_bytes);
        let end = end - end % self.block_bytes;
        if start >= end {
            return Ok(true);
        }
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match retry_interrupted(|| rustix::fs::fallocate(&self.descriptor, flags, start, end - start)) {
            Ok(()) => Ok(true),
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(false),
            Err(errno) => Err(self.error(errno)),
        }
    }

    /// Writes zeros into a range that is a hole.
    pub fn fill(&self, start: u64, end: u64) -> Result<(), FsError> {
        let mut position = start;
        while position < end {
            let count = (end - position).min(ZEROS.len() as u64) as usize;
            match retry_interrupted(|| rustix::io::pwrite(&self.descriptor, &ZEROS[..count], position)) {
                Ok(0) => return Err(self.error(io::Error::from(io::ErrorKind::WriteZero))),
                Ok(written) => position += written as u64,
                Err(errno) => return Err(self.error(errno)),
            }
        }
        Ok(())
    }

    fn error(&self, source: impl Into<io::Error>) -> FsError {
        FsError::new("change the holes of", self.path.as_slice(), source)
    }
}
