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

/// For files of at least this size, the kernel is told that they are read sequentially.
const SEQUENTIAL_BYTES_MIN: u64 = 1 << 20;

/// A regular file of a source, open for reading. Its access time does not change if the system allows that.
///
/// Its errors are plain `io::Error`s: the caller knows the path.
#[derive(Debug)]
pub struct SourceFile {
    descriptor: OwnedFd,
    stat: ObjectStat,
    position: u64,
}

impl SourceFile {
    /// Opens the file `name` of an open directory. An object of any other kind is an error.
    pub(crate) fn open_at(directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = |flags| rustix::fs::openat(directory, name, flags, Mode::empty());
        // If the name now belongs to a named pipe, an open without O_NONBLOCK would wait for a writer.
        let descriptor = match without_access_time(flags | OFlags::NONBLOCK, open) {
            // Somebody holds a lease (Samba, NFS server), so it is a file: wait until the lease is released.
            Err(Errno::AGAIN) => without_access_time(flags, open)?,
            result => result?,
        };
        let stat = stat_descriptor(&descriptor)?;
        if stat.metadata.kind != EntryKind::File {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no longer a regular file"));
        }
        if stat.metadata.size >= SEQUENTIAL_BYTES_MIN {
            // Advice only; the file is read even if the file system ignores it.
            let _ = rustix::fs::fadvise(&descriptor, 0, None, Advice::Sequential);
        }
        Ok(Self { descriptor, stat, position: 0 })
    }

    /// Returns the metadata from when the file was opened.
    pub fn opened_metadata(&self) -> &Metadata {
        &self.stat.metadata
    }

    /// Reads the current metadata.
    pub fn metadata(&self) -> io::Result<Metadata> {
        Ok(stat_descriptor(&self.descriptor)?.metadata)
    }

    /// Continues to read where the last `read` or [`SourceFile::seek_to`] ended; 0 at the end of the file.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.read_at(buffer, self.position)?;
        self.position += length as u64;
        Ok(length)
    }

    /// Sets where the next [`SourceFile::read`] begins, in bytes from the start.
    pub fn seek_to(&mut self, position: u64) {
        self.position = position;
    }

    /// Reads at an offset, without changing the position of [`SourceFile::read`].
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        retry_interrupted(|| rustix::io::pread(&self.descriptor, &mut *buffer, offset))
            .map_err(io::Error::from)
    }

    /// Returns which of the first `size` bytes are data, as `(offset, length)` in ascending order; the rest
    /// are holes.
    ///
    /// The result has as many extents as the file; see [`Self::extents`] for long files.
    pub fn data_extents(&self, size: u64) -> io::Result<Vec<(u64, u64)>> {
        self.extents(size).collect()
    }

    /// Finds the data among the first `size` bytes step by step, as `(offset, length)` in ascending order.
    ///
    /// Queries the file system only if less storage is allocated than the length of the file.
    pub fn extents(&self, size: u64) -> Extents<'_> {
        let may_have_holes = self.stat.allocated_bytes < self.stat.metadata.size.min(size);
        Extents { file: self, offset: 0, size, may_have_holes }
    }

    /// Reads the extended attributes.
    pub fn extended_attributes(&self) -> io::Result<AttributesRead> {
        read_attributes(AttributeOwner::Descriptor(self.descriptor.as_fd()))
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

/// The data extents of a file.
#[derive(Debug)]
pub struct Extents<'a> {
    file: &'a SourceFile,
    offset: u64,
    size: u64,
    may_have_holes: bool,
}

impl Extents<'_> {
    /// Returns start and end of the next data; none if there is no more.
    fn ask(&self) -> io::Result<Option<(u64, u64)>> {
        let rest = (self.offset, self.size);
        if !self.may_have_holes {
            return Ok(Some(rest));
        }
        let start = match self.file.seek(SeekFrom::Data(self.offset)) {
            // No data up to the end of the file.
            Err(Errno::NXIO) => return Ok(None),
            Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(Some(rest)),
            result => result?,
        };
        if start >= self.size {
            return Ok(None);
        }
        let end = match self.file.seek(SeekFrom::Hole(start)) {
            // The file has become shorter.
            Err(Errno::NXIO) => return Ok(None),
            result => result?.min(self.size),
        };
        if start < self.offset || end <= start {
            // A hole was punched between the two calls, or the file system is faulty: treat the rest as data.
            return Ok(Some((start.max(self.offset), self.size)));
        }
        Ok(Some((start, end)))
    }
}

impl Iterator for Extents<'_> {
    type Item = io::Result<(u64, u64)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.offset >= self.size {
            return None;
        }
        let found = self.ask();
        self.offset = found.as_ref().ok().copied().flatten().map_or(self.size, |(_, end)| end);
        found.map(|found| found.map(|(start, end)| (start, end - start))).transpose()
    }
}

#[cfg(test)]
mod tests;
