//! The disk as a mounted file system that records every change and fails on request.

use std::{
    collections::HashMap,
    ffi::OsStr,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::image::{Change, Image, Node, ROOT};

/// How long the kernel may cache an answer.
const VALID: Duration = Duration::ZERO;

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The request fails.
    Error(i32),
    /// A read returns fewer bytes than exist; other requests succeed.
    ShortRead,
}

/// A disk that is in use.
#[derive(Debug)]
struct Live {
    image: Image,
    /// All changes so far; each element is one atomic group.
    journal: Vec<Vec<Change>>,
    times: HashMap<Node, SystemTime>,
    /// Requests since the last [`Disk::fail_at`].
    requests: u64,
    /// The request that fails, and how.
    failure: Option<(u64, Failure)>,
    has_failed: bool,
    next_node: Node,
}

/// A mounted disk; unmounted when it is dropped.
#[derive(Debug)]
pub(super) struct Disk {
    live: Arc<Mutex<Live>>,
    _session: BackgroundSession,
}

impl Disk {
    /// Mounts a disk at `place`, an empty directory. Needs root.
    pub(super) fn mount(place: &Path, image: Image) -> io::Result<Self> {
        let next_node = 1 + image.last_node();
        let live = Live {
            image,
            journal: Vec::new(),
            times: HashMap::new(),
            requests: 0,
            failure: None,
            has_failed: false,
            next_node,
        };
        let live = Arc::new(Mutex::new(live));
        let mut options = Config::default();
        options.mount_options = vec![MountOption::FSName("disk".to_owned())];
        let session = fuser::spawn_mount(View(Arc::clone(&live)), place, &options)?;
        Ok(Self { live, _session: session })
    }

    fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns all changes so far.
    pub(super) fn journal(&self) -> Vec<Vec<Change>> {
        self.lock().journal.clone()
    }

    /// Makes the `request`-th request from now on fail (starting at 1).
    pub(super) fn fail_at(&self, request: u64, failure: Failure) {
        let mut live = self.lock();
        live.requests = 0;
        live.has_failed = false;
        live.failure = Some((request, failure));
    }

    /// Restarts the count of requests.
    pub(super) fn count_from_here(&self) {
        self.lock().requests = 0;
    }

    /// Returns the number of requests since [`Self::count_from_here`] or [`Self::fail_at`].
    pub(super) fn requests(&self) -> u64 {
        self.lock().requests
    }

    /// Ends all failures; returns whether any request failed.
    pub(super) fn heal(&self) -> bool {
        let mut live = self.lock();
        live.failure = None;
        live.has_failed
    }
}

/// The disk, as FUSE sees it.
struct View(Arc<Mutex<Live>>);

type Answer<T> = Result<T, Errno>;

impl View {
    fn lock(&self) -> MutexGuard<'_, Live> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request, and fails it if it is due.
    fn enter(&self) -> Answer<MutexGuard<'_, Live>> {
        let mut live = self.lock();
        live.requests += 1;
        match live.failure {
            Some((request, Failure::Error(number))) if request == live.requests => {
                live.has_failed = true;
                Err(Errno::from_i32(number))
            }
            _ => Ok(live),
        }
    }

    fn change(&self, changes: Vec<Change>) -> Answer<MutexGuard<'_, Live>> {
        let mut live = self.enter()?;
        live.change(changes);
        Ok(live)
    }
}

impl Live {
    #[expect(clippy::disallowed_methods, reason = "this is the clock of a file system")]
    fn change(&mut self, changes: Vec<Change>) {
        for change in &changes {
            self.image.apply(change);
            if let Change::MakeFile(node)
            | Change::MakeDirectory(node)
            | Change::Write { file: node, .. }
            | Change::Resize { file: node, .. } = change
            {
                self.times.insert(*node, SystemTime::now());
            }
        }
        self.journal.push(changes);
    }

    fn attributes(&self, node: Node) -> FileAttr {
        let size = self.image.content(node).map_or(0, <[u8]>::len) as u64;
        let is_directory = self.image.is_directory(node);
        let time = self.times.get(&node).copied().unwrap_or(SystemTime::UNIX_EPOCH);
        FileAttr {
            ino: INodeNo(node),
            size,
            blocks: size.div_ceil(512),
            atime: time,
            mtime: time,
            ctime: time,
            crtime: time,
            kind: if is_directory { FileType::Directory } else { FileType::RegularFile },
            perm: if is_directory { 0o700 } else { 0o600 },
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }

    fn find(&self, parent: INodeNo, name: &OsStr) -> Answer<Node> {
        self.image.find(parent.0, text(name)?).ok_or(Errno::ENOENT)
    }

    fn make(&mut self, parent: INodeNo, name: &OsStr, make: fn(Node) -> Change) -> Answer<FileAttr> {
        if self.find(parent, name).is_ok() {
            return Err(Errno::EEXIST);
        }
        let node = self.next_node;
        self.next_node += 1;
        let name = text(name)?.to_owned();
        self.change(vec![make(node), Change::Name { directory: parent.0, name, node: Some(node) }]);
        Ok(self.attributes(node))
    }
}

fn text(name: &OsStr) -> Answer<&str> {
    name.to_str().ok_or(Errno::EINVAL)
}

fn named(directory: INodeNo, name: &OsStr, node: Option<Node>) -> Answer<Change> {
    Ok(Change::Name { directory: directory.0, name: text(name)?.to_owned(), node })
}

fn reply_empty(answer: Answer<()>, reply: ReplyEmpty) {
    match answer {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

fn reply_entry(answer: Answer<FileAttr>, reply: ReplyEntry) {
    match answer {
        Ok(attributes) => reply.entry(&VALID, &attributes, Generation(0)),
        Err(error) => reply.error(error),
    }
}

fn reply_attributes(answer: Answer<FileAttr>, reply: ReplyAttr) {
    match answer {
        Ok(attributes) => reply.attr(&VALID, &attributes),
        Err(error) => reply.error(error),
    }
}

impl Filesystem for View {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.enter().and_then(|live| Ok(live.attributes(live.find(parent, name)?)));
        reply_entry(found, reply);
    }

    fn getattr(&self, _: &Request, node: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply_attributes(self.enter().map(|live| live.attributes(node.0)), reply);
    }

    fn setattr(
        &self,
        _: &Request,
        node: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        modified: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let answer = self.enter().map(|mut live| {
            if let Some(size) = size {
                live.change(vec![Change::Resize { file: node.0, size: size as usize }]);
            }
            if let Some(TimeOrNow::SpecificTime(time)) = modified {
                live.times.insert(node.0, time);
            }
            live.attributes(node.0)
        });
        reply_attributes(answer, reply);
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        let made = self.enter().and_then(|mut live| live.make(parent, name, Change::MakeDirectory));
        reply_entry(made, reply);
    }

    fn create(&self, _: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, _: i32, reply: ReplyCreate) {
        let flags = FopenFlags::FOPEN_DIRECT_IO;
        match self.enter().and_then(|mut live| live.make(parent, name, Change::MakeFile)) {
            Ok(attributes) => reply.created(&VALID, &attributes, Generation(0), FileHandle(0), flags),
            Err(error) => reply.error(error),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let answer = self.enter().and_then(|mut live| {
            live.find(parent, name)?;
            live.change(vec![named(parent, name, None)?]);
            Ok(())
        });
        reply_empty(answer, reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let answer = self.enter().and_then(|mut live| {
            if !flags.is_empty() {
                return Err(Errno::EINVAL);
            }
            let node = live.find(parent, name)?;
            live.change(vec![named(parent, name, None)?, named(new_parent, new_name, Some(node))?]);
            Ok(())
        });
        reply_empty(answer, reply);
    }

    fn link(&self, _: &Request, node: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let answer = self.enter().and_then(|mut live| {
            if live.find(parent, name).is_ok() {
                return Err(Errno::EEXIST);
            }
            live.change(vec![named(parent, name, Some(node.0))?]);
            Ok(live.attributes(node.0))
        });
        reply_entry(answer, reply);
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.enter() {
            Ok(_) => reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO),
            Err(error) => reply.error(error),
        }
    }

    fn read(
        &self,
        _: &Request,
        node: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let answer = self.enter().map(|mut live| {
            let is_short = live.failure == Some((live.requests, Failure::ShortRead));
            live.has_failed |= is_short;
            let content = live.image.content(node.0).unwrap_or_default();
            let rest = content.get(offset as usize..).unwrap_or_default();
            let length = if is_short { rest.len().min(length as usize) / 2 } else { length as usize };
            rest[..rest.len().min(length)].to_vec()
        });
        match answer {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        node: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let change = Change::Write { file: node.0, offset: offset as usize, bytes: data.to_vec() };
        match self.change(vec![change]) {
            Ok(_) => reply.written(data.len() as u32),
            Err(error) => reply.error(error),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, node: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply_empty(self.change(vec![Change::SyncFile(node.0)]).map(drop), reply);
    }

    fn fsyncdir(&self, _: &Request, node: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply_empty(self.change(vec![Change::SyncDirectory(node.0)]).map(drop), reply);
    }

    fn readdir(&self, _: &Request, node: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let listed = self.enter().and_then(|live| {
            let named = live.image.list(node.0).ok_or(Errno::ENOTDIR)?;
            let kind = |node| {
                if live.image.is_directory(node) { FileType::Directory } else { FileType::RegularFile }
            };
            Ok(named.into_iter().map(|(name, node)| (name, node, kind(node))).collect::<Vec<_>>())
        });
        let named = match listed {
            Ok(named) => named,
            Err(error) => return reply.error(error),
        };
        let dots = [".", ".."].map(|name| (name.to_owned(), ROOT, FileType::Directory));
        for (position, (name, node, kind)) in dots.into_iter().chain(named).enumerate().skip(offset as usize)
        {
            if reply.add(INodeNo(node), position as u64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }
}
