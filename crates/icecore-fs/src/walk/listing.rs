//! The sorted names in one directory, without those that the rules leave out.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{FileType, RawDir};
use rustix::io::Errno;

use crate::directory::Directory;
use crate::source_file::SourceFile;

/// Name of the file that marks a cache directory (<https://bford.info/cachedir/>).
const CACHE_TAG_NAME: &[u8] = b"CACHEDIR.TAG";
/// First bytes of this file.
const CACHE_TAG_SIGNATURE: &[u8; 43] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// Whether a name belongs to a directory, according to the listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameKind {
    Directory,
    Other,
    /// The file system does not report it; `statx` is needed.
    Unknown,
}

#[derive(Clone, Copy)]
struct NameSpan {
    start: usize,
    /// Without the NUL.
    length: u16,
    kind: NameKind,
}

/// The names in one directory.
pub(super) struct Listing {
    pub directory: Arc<Directory>,
    /// Path of the directory.
    path: Vec<u8>,
    /// All names, each followed by a NUL.
    bytes: Vec<u8>,
    spans: Vec<NameSpan>,
}

impl Listing {
    pub fn new(directory: Arc<Directory>) -> Self {
        Self { path: directory.path(), directory, bytes: Vec::new(), spans: Vec::new() }
    }

    /// Reads the names from an open directory that nobody has read from yet; names that were read before an
    /// error are kept.
    pub fn read(
        &mut self,
        descriptor: &OwnedFd,
        buffer: &mut Vec<u8>,
        stopped: impl Fn() -> bool,
    ) -> io::Result<()> {
        buffer.clear();
        let mut entries = RawDir::new(descriptor, buffer.spare_capacity_mut());
        let result = loop {
            if entries.is_buffer_empty() && stopped() {
                break Ok(());
            }
            match entries.next() {
                None => break Ok(()),
                Some(Err(Errno::INTR)) => {}
                Some(Err(errno)) => break Err(errno.into()),
                Some(Ok(entry)) => self.push(entry.file_name(), entry.file_type()),
            }
        };
        self.sort();
        result
    }

    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// Returns whether the directory is not the root.
    pub fn has_parent(&self) -> bool {
        !self.path.is_empty()
    }

    pub fn kind(&self, index: usize) -> NameKind {
        self.spans[index].kind
    }

    pub fn name(&self, index: usize) -> &[u8] {
        name_of(&self.bytes, self.spans[index])
    }

    pub fn c_name(&self, index: usize) -> &CStr {
        let span = self.spans[index];
        let name = &self.bytes[span.start..=span.start + usize::from(span.length)];
        CStr::from_bytes_with_nul(name).unwrap_or_default()
    }

    /// Makes the path of an entry.
    pub fn entry_path(&self, index: usize) -> Vec<u8> {
        let mut path = Vec::with_capacity(self.path.len() + 1 + usize::from(self.spans[index].length));
        join(&mut path, &self.path, self.name(index));
        path
    }

    /// Drops the names for which `excluded` (path, is a directory) is true. Returns how many.
    ///
    /// Names of unknown kind are kept until their kind is known.
    pub fn exclude(&mut self, excluded: impl Fn(&[u8], bool) -> bool) -> usize {
        let before = self.spans.len();
        let mut path = Vec::new();
        let (bytes, directory_path) = (&self.bytes, &self.path);
        self.spans.retain(|span| {
            if span.kind == NameKind::Unknown {
                return true;
            }
            path.clear();
            join(&mut path, directory_path, name_of(bytes, *span));
            !excluded(&path, span.kind == NameKind::Directory)
        });
        before - self.spans.len()
    }

    /// If this is a cache directory, drops all names except the tag and returns how many.
    pub fn exclude_cache(&mut self, descriptor: &OwnedFd) -> Option<usize> {
        let found = self.spans.binary_search_by(|span| name_of(&self.bytes, *span).cmp(CACHE_TAG_NAME));
        let Ok(tag) = found else { return None };
        if !is_cache_tag(descriptor) {
            return None;
        }
        let before = self.spans.len();
        self.spans = vec![self.spans[tag]];
        Some(before - 1)
    }

    fn push(&mut self, name: &CStr, file_type: FileType) {
        let bytes = name.to_bytes();
        // A name with a slash can only come from a damaged or hostile file system.
        if matches!(bytes, b"" | b"." | b"..") || bytes.contains(&b'/') {
            return;
        }
        let Ok(length) = u16::try_from(bytes.len()) else { return };
        let kind = match file_type {
            FileType::Directory => NameKind::Directory,
            FileType::Unknown => NameKind::Unknown,
            _ => NameKind::Other,
        };
        self.spans.push(NameSpan { start: self.bytes.len(), length, kind });
        self.bytes.extend_from_slice(name.to_bytes_with_nul());
    }

    /// Sorts by bytes and removes duplicates: a directory that changes while it is read can list a name
    /// twice.
    fn sort(&mut self) {
        let bytes = &self.bytes;
        self.spans.sort_unstable_by(|left, right| name_of(bytes, *left).cmp(name_of(bytes, *right)));
        self.spans.dedup_by(|left, right| name_of(bytes, *left) == name_of(bytes, *right));
    }
}

fn name_of(bytes: &[u8], span: NameSpan) -> &[u8] {
    &bytes[span.start..span.start + usize::from(span.length)]
}

/// Appends a name to a directory's path; the root's path is empty.
pub(super) fn join(path: &mut Vec<u8>, directory: &[u8], name: &[u8]) {
    path.extend_from_slice(directory);
    if !directory.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}

/// An unreadable tag does not exclude anything: it is better to keep too much.
fn is_cache_tag(directory: &OwnedFd) -> bool {
    let Ok(file) = SourceFile::open_at(directory.as_fd(), CACHE_TAG_NAME) else { return false };
    let mut start = [0_u8; CACHE_TAG_SIGNATURE.len()];
    matches!(file.read_at(&mut start, 0), Ok(length) if length == start.len())
        && start == *CACHE_TAG_SIGNATURE
}
