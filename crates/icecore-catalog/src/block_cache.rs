//! Sealed blocks as files beside the catalogue, so that a command does not fetch the blocks of a manifest
//! again that an earlier command has fetched.
//!
//! A block is stored as in its pack, and a reader authenticates it as if it came from the store. Blocks never
//! change and pack names are never reused, so a block is either right or cannot be opened. Several processes
//! may add and remove files at the same time. After any failure, the block counts as missing: the store has
//! them all.

use std::{
    collections::HashSet,
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use icecore_format::ids::PackName;
use rustix::fs::{OFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens};

use crate::{catalog::Catalog, files::BLOCK_PREFIX};

/// Suffix of files that are being written.
const UNFINISHED_SUFFIX: &str = ".new";
/// A block that is larger than one part in this many of the cache is not kept.
const BLOCK_SHARE: u64 = 4;

/// Blocks on the local disk, limited in bytes. The least recently used ones are removed first.
///
/// Several processes that add blocks at the same time may exceed the limit. The next process that adds a
/// block removes the surplus.
#[derive(Debug)]
pub struct BlockCache {
    directory: PathBuf,
    bytes_max: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes of all files; none until they are counted.
    bytes: Option<u64>,
    /// Blocks that this process used. They are kept: otherwise a manifest that is larger than the cache would
    /// evict its own beginning each time it is read.
    used: HashSet<String>,
}

/// A file of the cache.
struct BlockFile {
    name: String,
    bytes: u64,
    used: SystemTime,
}

impl BlockCache {
    /// Opens the cache beside a catalogue; there is none beside one in memory.
    pub fn beside(catalog: &Catalog, bytes_max: u64) -> Option<Self> {
        let directory = catalog.files()?.directory().to_owned();
        Some(Self { directory, bytes_max, state: Mutex::default() })
    }

    /// Returns a block of a pack with `length` bytes, if it is in the cache. The bytes may be wrong: the
    /// caller authenticates them.
    pub fn get(&self, pack: PackName, ordinal: u32, length: u32) -> Option<Vec<u8>> {
        let name = file_name(pack, ordinal);
        let bytes = match self.read(&name, length) {
            Ok(bytes) => bytes,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::debug!(name, %error, "a cached block cannot be read");
                }
                return None;
            }
        };
        if bytes.len() as u64 != u64::from(length) {
            self.remove(pack, ordinal);
            return None;
        }
        self.lock().used.insert(name);
        Some(bytes)
    }

    /// Keeps a block, if it fits beside those that this process has used.
    pub fn put(&self, pack: PackName, ordinal: u32, bytes: &[u8]) {
        let (name, length) = (file_name(pack, ordinal), bytes.len() as u64);
        if length > self.bytes_max / BLOCK_SHARE {
            return;
        }
        let mut state = self.lock();
        let written = self.make_room(&mut state, length).and_then(|has_room| {
            if has_room {
                self.write(&name, bytes)?;
            }
            Ok(has_room)
        });
        match written {
            Ok(true) => {
                state.bytes = state.bytes.map(|bytes| bytes + length);
                state.used.insert(name);
            }
            Ok(false) => {}
            // The disk is full, or somebody has removed the directory.
            Err(error) => tracing::debug!(name, %error, "a block cannot be cached"),
        }
    }

    /// Removes a block that cannot be opened.
    pub fn remove(&self, pack: PackName, ordinal: u32) {
        let name = file_name(pack, ordinal);
        let mut state = self.lock();
        state.used.remove(&name);
        // Count again when the next block is added.
        state.bytes = None;
        if let Err(error) = fs::remove_file(self.directory.join(&name)) {
            tracing::debug!(name, %error, "a cached block cannot be removed");
        }
    }

    fn read(&self, name: &str, length: u32) -> io::Result<Vec<u8>> {
        // If the name belongs to a pipe or a device, it must not block the command, and does not count.
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
        let path = self.directory.join(name);
        let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let now = Timestamps { last_access: moment(UTIME_OMIT), last_modification: moment(UTIME_NOW) };
        if let Err(error) = futimens(&file, &now) {
            // The time only decides which blocks are removed first.
            tracing::debug!(name, %error, "the time of a cached block cannot be set");
        }
        let mut bytes = Vec::new();
        file.take(u64::from(length) + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Writes a file under another name first. If another process writes the same block at the same time, it
    /// writes the same bytes.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.directory.join(name);
        let unfinished = self.directory.join(format!("{name}{UNFINISHED_SUFFIX}"));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        let written = file.write_all(bytes).and_then(|()| fs::rename(&unfinished, &path));
        if written.is_err() {
            // Nothing is left behind, even on a full disk.
            drop(fs::remove_file(&unfinished));
        }
        written
    }

    /// Removes blocks until `length` bytes fit; returns `false` if only blocks remain that this process has
    /// used.
    fn make_room(&self, state: &mut State, length: u64) -> io::Result<bool> {
        if state.bytes.is_some_and(|bytes| bytes + length <= self.bytes_max) {
            return Ok(true);
        }
        let mut files = self.files()?;
        let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
        if bytes + length > self.bytes_max {
            // Removes a few more, so that this is not necessary for each block.
            let target = self.bytes_max - self.bytes_max / 8 - length;
            files.retain(|file| !state.used.contains(&file.name));
            files.sort_by_key(|file| file.used);
            for file in files {
                if bytes <= target {
                    break;
                }
                remove_file(&self.directory.join(file.name))?;
                bytes -= file.bytes;
            }
        }
        state.bytes = Some(bytes);
        Ok(bytes + length <= self.bytes_max)
    }

    fn files(&self) -> io::Result<Vec<BlockFile>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if !name.starts_with(BLOCK_PREFIX) {
                continue;
            }
            match entry.metadata() {
                Ok(metadata) => {
                    files.push(BlockFile { name, bytes: metadata.len(), used: metadata.modified()? });
                }
                // Another process has removed it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(files)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn file_name(pack: PackName, ordinal: u32) -> String {
    format!("{BLOCK_PREFIX}{pack}-{ordinal}")
}

fn moment(nanoseconds: i64) -> Timespec {
    Timespec { tv_sec: 0, tv_nsec: nanoseconds }
}

fn remove_file(path: &std::path::Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests;
