//! Reading from a local store.

use std::{io, ops::Range};

use rustix::{
    fd::OwnedFd,
    fs::{Dir, FileType, Mode, OFlags, Stat},
    io::{Errno, retry_on_intr},
};

use bytes::Bytes;

use super::{
    directory::Root,
    failure::{Call, describe},
    generation,
    read_buffers::{LENGTH_MIN, ReadBuffer},
    strays::Stray,
};
use crate::{
    key::{clip_range, is_valid_part},
    store::{ObjectInfo, StoreResult, Version},
};

/// An open object, and the range to read from it.
pub(super) struct OpenObject {
    file: OwnedFd,
    range: Range<u64>,
    version: Version,
}

/// Opens an object to read all of it, or `range`.
pub(super) fn open(root: &Root, key: &str, range: Option<&Range<u64>>) -> StoreResult<OpenObject> {
    let call = Call { operation: "get", key };
    let (directory, name) = root.open_parent(call)?;
    // Non-blocking, because a pipe instead of an object would block the call forever.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(&directory, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(errno @ (Errno::LOOP | Errno::NXIO)) => {
            directory.stat_object(name, call)?;
            return Err(call.failed(errno));
        }
        Err(errno) => return Err(call.failed(errno)),
    };
    let stat = rustix::fs::fstat(&file).map_err(|errno| call.failed(errno))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {}
        other => return Err(call.not_an_object(other)),
    }
    let size = size(&stat);
    let range = match range {
        Some(range) => clip_range(key, size, range)?,
        None => 0..size,
    };
    Ok(OpenObject { file, range, version: generation::version(&stat) })
}

impl OpenObject {
    /// Returns a buffer of the length to be read.
    pub(super) fn buffer(&self, root: &Root, key: &str) -> StoreResult<ReadBuffer> {
        let length = usize::try_from(self.range.end - self.range.start).ok();
        let buffer = length.and_then(|length| root.read_buffers.take(length));
        let call = Call { operation: "get", key };
        buffer.ok_or_else(|| call.failed_io(io::ErrorKind::OutOfMemory.into()))
    }

    /// Returns whether its buffer is large enough to be reused.
    pub(super) fn is_large(&self) -> bool {
        self.range.end - self.range.start >= LENGTH_MIN as u64
    }

    /// Reads into its own buffer.
    pub(super) fn read(self, key: &str, mut buffer: ReadBuffer) -> StoreResult<(Bytes, Version)> {
        let call = Call { operation: "get", key };
        let (mut rest, mut offset) = (buffer.as_mut(), self.range.start);
        while !rest.is_empty() {
            match retry_on_intr(|| rustix::io::pread(&self.file, &mut *rest, offset)) {
                // Objects never change, so another program truncated the file.
                Ok(0) => return Err(call.failed_io(io::ErrorKind::UnexpectedEof.into())),
                Ok(length) => {
                    rest = &mut rest[length..];
                    offset += length as u64;
                }
                Err(errno) => return Err(call.failed_inside(errno)),
            }
        }
        Ok((buffer.into(), self.version))
    }
}

/// Returns the metadata of an object.
pub(super) fn head(root: &Root, key: &str) -> StoreResult<ObjectInfo> {
    let call = Call { operation: "head", key };
    let (directory, name) = root.open_parent(call)?;
    match directory.stat_object(name, call)? {
        Some(stat) => Ok(info(key.to_owned(), &stat)),
        None => Err(call.not_found()),
    }
}

/// Returns the objects below `prefix`, sorted by key.
pub(super) fn list(root: &Root, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
    let listing = read_tree(root, prefix)?;
    root.strays.report(&root.path, &listing.strays);
    let mut objects = listing.objects;
    // The order of keys is not the order of the tree: `a-b` and `a.b` come before `a/b`.
    objects.sort_unstable_by(|left, right| left.key.cmp(&right.key));
    Ok(objects)
}

/// Reads a directory and all below it; of the directories in one, those with the smaller names first.
pub(super) fn read_tree(root: &Root, prefix: &str) -> StoreResult<Listing> {
    let mut listing = Listing { prefixes: vec![prefix.to_owned()], ..Listing::default() };
    while let Some(prefix) = listing.prefixes.pop() {
        list_directory(root, &prefix, &mut listing)?;
    }
    Ok(listing)
}

/// A listing in progress.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub objects: Vec<ObjectInfo>,
    /// Directories still to be read, as beginnings of keys: empty, or with a `/` at the end.
    prefixes: Vec<String>,
    /// Files that have the name of an object but are not objects.
    strays: Vec<Stray>,
}

fn list_directory(root: &Root, prefix: &str, listing: &mut Listing) -> StoreResult<()> {
    let call = Call { operation: "list", key: prefix };
    let directory = match root.open_directory(prefix) {
        Ok(directory) => directory,
        // Never created, or removed meanwhile.
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(call.failed(errno)),
    };
    let found = listing.prefixes.len();
    for entry in Dir::read_from(&directory).map_err(|errno| call.failed(errno))? {
        let entry = entry.map_err(|errno| call.failed(errno))?;
        let name = entry.file_name().to_bytes();
        let Ok(name) = std::str::from_utf8(name) else { continue };
        if !is_valid_part(name.as_bytes()) || is_silly_rename(name) {
            continue;
        }
        let key = format!("{prefix}{name}");
        if entry.file_type() == FileType::Directory {
            listing.prefixes.push(key + "/");
            continue;
        }
        let call = Call { operation: "list", key: &key };
        // If there is nothing, it was deleted meanwhile.
        let Some(stat) = directory.stat(name).map_err(|errno| call.failed(errno))? else { continue };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => listing.objects.push(info(key, &stat)),
            FileType::Directory => listing.prefixes.push(key + "/"),
            // Links are never followed: anybody who can create one here could make this process read any
            // file.
            other => listing.strays.push(Stray { key, what: describe(other) }),
        }
    }
    // The last one is read first.
    listing.prefixes[found..].sort_unstable_by(|left, right| right.cmp(left));
    Ok(())
}

/// Returns whether NFS gave a file this name because it was deleted while open; such files are no longer
/// objects.
fn is_silly_rename(name: &str) -> bool {
    name.strip_prefix(".nfs")
        .is_some_and(|rest| rest.len() >= 16 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn info(key: String, stat: &Stat) -> ObjectInfo {
    ObjectInfo {
        key,
        size: size(stat),
        version: generation::version(stat),
        modified: generation::modified(stat),
    }
}

fn size(stat: &Stat) -> u64 {
    // Never negative for a regular file.
    u64::try_from(stat.st_size).unwrap_or(0)
}
