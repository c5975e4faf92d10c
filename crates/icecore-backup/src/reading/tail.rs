//! Content beyond the size of a file: a file is read to its end, and its size is the number of bytes read.
//!
//! Files of `/proc` and of many FUSE file systems report a size of 0, or one that is too small.

use std::io;

use icecore_fs::source_file::SourceFile;

/// Bytes that are read at a time. Files of `/proc/sys` return everything at the first read, and refuse to
/// fill a buffer of 4 MiB.
pub(crate) const PIECE_BYTES: usize = 64 << 10;
/// A file that does not grow may have this many bytes beyond its size, or as many as its size; if it has
/// more, it counts as endless.
const BEYOND_SIZE_BYTES_MAX: u64 = 1 << 30;

/// How the reading beyond the size ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TailEnd {
    /// At the end of the file.
    Reached,
    /// The file is growing, and could keep the reader busy for ever.
    Growing,
    /// `take` wants no more.
    Stopped,
}

/// Passes on the content beyond the size that a file had when it was opened; `take` returns whether it wants
/// more.
pub(crate) fn read_tail(
    file: &SourceFile,
    piece: &mut [u8],
    take: &mut dyn FnMut(&[u8]) -> bool,
) -> io::Result<TailEnd> {
    let size = file.opened_metadata().size;
    let mut beyond = 0u64;
    loop {
        let read = file.read_at(piece, size.saturating_add(beyond))?;
        if read == 0 {
            return Ok(TailEnd::Reached);
        }
        beyond += read as u64;
        if !take(&piece[..read]) {
            return Ok(TailEnd::Stopped);
        }
        if file.metadata()?.size > size {
            return Ok(TailEnd::Growing);
        }
        if beyond > size.max(BEYOND_SIZE_BYTES_MAX) {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("its size is {size} bytes, but {beyond} more were read without reaching the end"),
            ));
        }
    }
}

#[cfg(test)]
mod tests;
