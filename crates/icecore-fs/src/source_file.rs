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

    /// Returns where the first `size` bytes hold data, as `(offset, length)` in ascending order; the rest are
    /// holes.
    ///
    /// As many extents come out as the file has; see [`Self::extents`] for long files.
    pub fn data_extents(&self, size: u64) -> io::Result<Vec<(u64, u64)>> {
        self.extents(size).collect()
    }

    /// Finds out bit by bit where the first `size` bytes hold data, as `(offset, length)` in ascending order.
    ///
    /// Asks the file system only if less storage is allocated than the file is long.
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

/// Where a file holds data.
#[derive(Debug)]
pub struct Extents<'a> {
    file: &'a SourceFile,
    offset: u64,
    size: u64,
    may_have_holes: bool,
}

impl Extents<'_> {
    /// Returns start and end of the next data; nothing if there is none.
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
            // Punched out between the two questions, or a file system at fault: take the rest as data.
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
