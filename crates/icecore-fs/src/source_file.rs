//! A regular file of a source, open for reading.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Advice, Mode, OFlags, SeekFrom};
use rustix::io::Errno;

use crate::directory::without_access_time;
use crate::entry::{EntryKind, Metadata};
use crate::error::retry_interrupted;
use crate::stat::{ObjectStat, stat_descriptor};
use crate::xattr::{AttributeOwner, AttributesRead, read_attributes};

/// Most extents that [`SourceFile::data_extents`] returns.
pub const EXTENTS_MAX: usize = 4096;

/// From this size on the kernel is told that the file is read from start to end.
const SEQUENTIAL_BYTES_MIN: u64 = 1 << 20;

/// A regular file of a source, open for reading, without a change of its access time if the system allows.
///
/// Its errors are plain `io::Error`s: the caller knows the path.
#[derive(Debug)]
pub struct SourceFile {
    descriptor: OwnedFd,
    stat: ObjectStat,
    position: u64,
}

impl SourceFile {
    /// Opens the file `name` of an open directory. Anything else than a regular file is an error.
    pub(crate) fn open_at(directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = |flags| rustix::fs::openat(directory, name, flags, Mode::empty());
        // Should the name have become a named pipe, an open without O_NONBLOCK would wait for a writer.
        let descriptor = match without_access_time(flags | OFlags::NONBLOCK, open) {
            // Somebody holds a lease (Samba, NFS server), so it is a file: wait until he has given it back.
            Err(Errno::AGAIN) => without_access_time(flags, open)?,
            result => result?,
        };
        let stat = stat_descriptor(&descriptor)?;
        if stat.metadata.kind != EntryKind::File {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no longer a regular file"));
        }
        if stat.metadata.size >= SEQUENTIAL_BYTES_MIN {
            // Advice only; a file system that does not take it is read all the same.
            let _ = rustix::fs::fadvise(&descriptor, 0, None, Advice::Sequential);
        }
        Ok(Self { descriptor, stat, position: 0 })
    }

    /// Returns the metadata as they were when the file was opened.
    pub fn opened_metadata(&self) -> &Metadata {
        &self.stat.metadata
    }

    /// Reads the metadata as they are now.
    pub fn metadata(&self) -> io::Result<Metadata> {
        Ok(stat_descriptor(&self.descriptor)?.metadata)
    }

    /// Reads on from where the last `read` or [`SourceFile::seek_to`] ended; 0 at the end of the file.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.read_at(buffer, self.position)?;
        self.position += length as u64;
        Ok(length)
    }

    /// Sets where the next [`SourceFile::read`] begins, in bytes from the start.
    pub fn seek_to(&mut self, position: u64) {
        self.position = position;
    }

    /// Reads from a place in the file, which leaves the place of [`SourceFile::read`] alone.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        retry_interrupted(|| rustix::io::pread(&self.descriptor, &mut *buffer, offset))
            .map_err(io::Error::from)
    }

    /// Returns where the first `size` bytes hold data, as `(offset, length)` in ascending order; the rest are holes.
    ///
    /// Asks the file system only if less storage is allocated than the file is long. At most [`EXTENTS_MAX`] extents
    /// come out: the smallest holes then count as data.
    pub fn data_extents(&self, size: u64) -> io::Result<Vec<(u64, u64)>> {
        if size == 0 {
            return Ok(Vec::new());
        }
        if self.stat.allocated_bytes >= self.stat.metadata.size.min(size) {
            return Ok(vec![(0, size)]);
        }
        self.ask_extents(size)
    }

    /// Reads the extended attributes.
    pub fn extended_attributes(&self) -> io::Result<AttributesRead> {
        read_attributes(AttributeOwner::Descriptor(self.descriptor.as_fd()))
    }

    fn ask_extents(&self, size: u64) -> io::Result<Vec<(u64, u64)>> {
        let mut extents = Vec::new();
        let mut offset = 0;
        while offset < size {
            let start = match self.seek(SeekFrom::Data(offset)) {
                // No data up to the end of the file.
                Err(Errno::NXIO) => break,
                Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(vec![(0, size)]),
                result => result?,
            };
            if start >= size {
                break;
            }
            let end = match self.seek(SeekFrom::Hole(start)) {
                // The file has become shorter.
                Err(Errno::NXIO) => break,
                result => result?.min(size),
            };
            if end <= start {
                // Punched out between the two questions, or a file system at fault: take the rest as data.
                extents.push((start, size - start));
                break;
            }
            extents.push((start, end - start));
            if extents.len() >= 2 * EXTENTS_MAX {
                merge_small_holes(&mut extents, EXTENTS_MAX);
            }
            offset = end;
        }
        merge_small_holes(&mut extents, EXTENTS_MAX);
        Ok(extents)
    }

    fn seek(&self, position: SeekFrom) -> Result<u64, Errno> {
        retry_interrupted(|| rustix::fs::seek(&self.descriptor, position))
    }
}

impl io::Read for SourceFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Self::read(self, buffer)
    }
}

impl AsFd for SourceFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Joins the extents beside the smallest holes until at most `extents_max` (at least 1) are left.
fn merge_small_holes(extents: &mut Vec<(u64, u64)>, extents_max: usize) {
    if extents.len() <= extents_max {
        return;
    }
    let hole_bytes = |pair: &[(u64, u64)]| pair[1].0 - (pair[0].0 + pair[0].1);
    let mut holes: Vec<(u64, usize)> =
        extents.windows(2).enumerate().map(|(index, pair)| (hole_bytes(pair), index)).collect();
    // Largest first; the first `extents_max - 1` holes stay.
    holes.sort_unstable_by(|left, right| right.cmp(left));
    let mut kept: Vec<usize> = holes.iter().take(extents_max.saturating_sub(1)).map(|hole| hole.1).collect();
    kept.sort_unstable();
    let mut merged = Vec::with_capacity(extents_max);
    let mut first = 0;
    for last in kept.into_iter().chain([extents.len() - 1]) {
        let (start, (last_start, last_length)) = (extents[first].0, extents[last]);
        merged.push((start, last_start + last_length - start));
        first = last + 1;
    }
    *extents = merged;
}

#[cfg(test)]
mod tests;
