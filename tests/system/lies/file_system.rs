//! A directory of files, through FUSE, with sizes and times that the test sets.

use std::{
    ffi::OsStr,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyEntry, ReplyOpen,
    Request,
};

/// How long the kernel may cache an answer.
const VALID: Duration = Duration::ZERO;
/// Inode number of the first file; that of the directory is 1.
const FIRST: u64 = 2;

/// A file and its reported properties.
#[derive(Clone, Debug)]
pub(super) struct Lie {
    pub name: &'static str,
    /// Reported size in bytes.
    pub size: u64,
    /// Real content.
    pub content: Vec<u8>,
    /// Reported time of the last change, of content and of status.
    pub seconds: u64,
    pub nanoseconds: u32,
    /// Whether reading returns the content again and again.
    pub is_endless: bool,
}

/// A mounted file system; unmounted when it is dropped.
#[derive(Debug)]
pub(super) struct LiarMount {
    lies: Arc<Mutex<Vec<Lie>>>,
    _session: BackgroundSession,
}

impl LiarMount {
    /// Shows the files at `place`, an empty directory. Needs root.
    pub(super) fn new(place: &Path, lies: Vec<Lie>) -> io::Result<Self> {
        let lies = Arc::new(Mutex::new(lies));
        let mut options = Config::default();
        options.mount_options = vec![MountOption::RO, MountOption::FSName("liar".to_owned())];
        let session = fuser::spawn_mount(View { lies: Arc::clone(&lies) }, place, &options)?;
        Ok(Self { lies, _session: session })
    }

    /// Returns names and contents.
    pub(super) fn contents(&self) -> Vec<(&'static str, Vec<u8>)> {
        lock(&self.lies).iter().map(|lie| (lie.name, lie.content.clone())).collect()
    }

    /// Changes the real content of a file, but not its reported properties.
    pub(super) fn set_content(&self, name: &str, content: Vec<u8>) {
        let mut lies = lock(&self.lies);
        lies.iter_mut().find(|lie| lie.name == name).unwrap().content = content;
    }
}

struct View {
    lies: Arc<Mutex<Vec<Lie>>>,
}

fn lock(lies: &Mutex<Vec<Lie>>) -> MutexGuard<'_, Vec<Lie>> {
    lies.lock().unwrap_or_else(PoisonError::into_inner)
}

impl View {
    fn attributes(&self, node: INodeNo) -> Option<FileAttr> {
        let lies = lock(&self.lies);
        let lie = if node == INodeNo::ROOT { None } else { Some(lies.get((node.0 - FIRST) as usize)?) };
        let time = lie.map_or(SystemTime::UNIX_EPOCH, |lie| {
            SystemTime::UNIX_EPOCH + Duration::new(lie.seconds, lie.nanoseconds)
        });
        Some(FileAttr {
            ino: node,
            size: lie.map_or(0, |lie| lie.size),
            blocks: lie.map_or(0, |lie| lie.size.div_ceil(512)),
            atime: time,
            mtime: time,
            ctime: time,
            crtime: SystemTime::UNIX_EPOCH,
            kind: if lie.is_some() { FileType::RegularFile } else { FileType::Directory },
            perm: if lie.is_some() { 0o644 } else { 0o755 },
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        })
    }
}

impl Filesystem for View {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let position = lock(&self.lies).iter().position(|lie| name == lie.name);
        let node = position.map(|position| INodeNo(position as u64 + FIRST));
        match node.and_then(|node| self.attributes(node)) {
            Some(attributes) => reply.entry(&VALID, &attributes, Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, node: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(node) {
            Some(attributes) => reply.attr(&VALID, &attributes),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        // Without the page cache, which trusts the size.
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO | FopenFlags::FOPEN_NOFLUSH);
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
        let lies = lock(&self.lies);
        let lie = &lies[(node.0 - FIRST) as usize];
        if lie.is_endless {
            return reply.data(&lie.content[..lie.content.len().min(length as usize)]);
        }
        let start = lie.content.len().min(offset as usize);
        let end = lie.content.len().min(start + length as usize);
        reply.data(&lie.content[start..end]);
    }

    fn readdir(&self, _: &Request, node: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let names = lock(&self.lies).iter().map(|lie| lie.name).collect::<Vec<_>>();
        let mut listing = vec![(node, FileType::Directory, "."), (node, FileType::Directory, "..")];
        for (position, name) in names.into_iter().enumerate() {
            listing.push((INodeNo(position as u64 + FIRST), FileType::RegularFile, name));
        }
        for (position, (node, kind, name)) in listing.iter().enumerate().skip(offset as usize) {
            if reply.add(*node, position as u64 + 1, *kind, name) {
                break;
            }
        }
        reply.ok();
    }
}
