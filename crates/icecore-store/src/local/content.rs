//! Writes the content of a new file; large content bypasses the page cache.
//!
//! A pack is written once and not read soon. Copying it into the page cache costs as much processor time as
//! encrypting it, and evicts the data that the machine works with. Direct writes (`O_DIRECT`, open(2)) do
//! neither. They are used where they are known to be sound and fast: on ext4, XFS and Btrfs, for whole pages
//! of large files.

use std::{fs::File, io, os::unix::fs::FileExt};

use rustix::{
    fs::{FallocateFlags, OFlags},
    io::Errno,
};

/// Files of at least this length are written directly, in bytes.
const DIRECT_BYTES_MIN: usize = 1 << 20;
/// Addresses, offsets and lengths of direct writes are multiples of this; no disk has larger logical blocks.
const ALIGNMENT: usize = 4096;
/// Bytes of one direct write; a multiple of [`ALIGNMENT`].
const STAGE_BYTES: usize = 4 << 20;
/// File systems (`f_type` of statfs(2)): ext2 to ext4, XFS, Btrfs.
const DIRECT_FILE_SYSTEMS: [i64; 3] = [0xEF53, 0x5846_5342, 0x9123_683E];

/// Writes the whole content of a new, empty file.
pub(super) fn write(file: &File, bytes: &[u8]) -> io::Result<()> {
    let written = if bytes.len() >= DIRECT_BYTES_MIN && is_direct_sound(file) {
        write_whole_pages(file, bytes)?
    } else {
        0
    };
    file.write_all_at(&bytes[written..], written as u64)
}

fn is_direct_sound(file: &File) -> bool {
    rustix::fs::fstatfs(file).is_ok_and(|status| DIRECT_FILE_SYSTEMS.contains(&status.f_type))
}

/// Writes all whole pages directly and returns their length; 0 if the file system does not support direct
/// writes.
fn write_whole_pages(file: &File, bytes: &[u8]) -> io::Result<usize> {
    let Ok(flags) = rustix::fs::fcntl_getfl(file) else { return Ok(0) };
    if rustix::fs::fcntl_setfl(file, flags | OFlags::DIRECT).is_err() {
        return Ok(0);
    }
    // Allocated at once, so that it is contiguous. If that is impossible, it is written anyway.
    let allocated = rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes.len() as u64);
    if allocated == Err(Errno::NOSPC) {
        return Err(Errno::NOSPC.into());
    }
    let written = write_directly(file, bytes);
    rustix::fs::fcntl_setfl(file, flags)?;
    match written {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(0),
        result => result,
    }
}

fn write_directly(file: &File, bytes: &[u8]) -> io::Result<usize> {
    let mut stage = vec![0; STAGE_BYTES.min(bytes.len()) + ALIGNMENT];
    let start = stage.as_ptr().align_offset(ALIGNMENT);
    let length = (stage.len() - start) / ALIGNMENT * ALIGNMENT;
    let stage = &mut stage[start..start + length];
    let whole = bytes.len() / ALIGNMENT * ALIGNMENT;
    let mut written = 0;
    for part in bytes[..whole].chunks(length) {
        stage[..part.len()].copy_from_slice(part);
        file.write_all_at(&stage[..part.len()], written as u64)?;
        written += part.len();
    }
    Ok(whole)
}

#[cfg(test)]
mod tests;
