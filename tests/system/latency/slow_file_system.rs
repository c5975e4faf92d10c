//! A read-only view of a directory, through FUSE, that answers every request late, like a network file
//! system.
//!
//! The tests and the bench `latency` use it. The kernel caches nothing: each question costs a request. Many
//! threads answer requests, as in the server of a network file system, so only callers that send one request
//! after the other lose time. Extended attributes are not passed on: the lists are empty, but each list costs
//! a request.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs::{self, File, FileType as StdFileType, Metadata},
    io,
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, InitFlags, KernelConfig, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyData,
    ReplyDirectory, ReplyEntry, ReplyOpen, ReplyXattr, Request,
};

/// Maximum number of requests that are answered at the same time; more than any reader should have in flight.
const THREADS: usize = 160;
/// How long the kernel may cache an answer.
const VALID: Duration = Duration::ZERO;

/// Kind of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Question {
    /// A name, or the metadata of an object.
    Metadata,
    /// The names in a directory.
    Listing,
    /// The object itself: opening it, its content, its extended attributes.
    Object,
}

/// Requests of one kind.
#[derive(Debug, Default)]
struct Gauge {
    count: AtomicU64,
    in_flight: AtomicUsize,
    in_flight_max: AtomicUsize,
}

/// Requests of all kinds.
#[derive(Debug, Default)]
struct Gauges([Gauge; 3]);

/// Counts a request as in flight until it is dropped.
struct InFlight<'a>(&'a Gauge);

impl Gauges {
    fn enter(&self, question: Question) -> InFlight<'_> {
        let gauge = &self.0[question as usize];
        gauge.count.fetch_add(1, Ordering::Relaxed);
        let in_flight = gauge.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        gauge.in_flight_max.fetch_max(in_flight, Ordering::Relaxed);
        InFlight(gauge)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A mounted slow file system; unmounted when it is dropped.
#[derive(Debug)]
pub(crate) struct SlowMount {
    gauges: Arc<Gauges>,
    _session: BackgroundSession,
}

impl SlowMount {
    /// Shows `directory` at `place`, an empty directory; each request is answered after `delay`. Needs root.
    pub(crate) fn new(directory: &Path, place: &Path, delay: Duration) -> io::Result<Self> {
        let gauges = Arc::<Gauges>::default();
        let root = fs::symlink_metadata(directory)?.ino();
        let nodes = HashMap::from([(INodeNo::ROOT.0, directory.to_owned())]);
        let (nodes, listings) = (Mutex::new(nodes), Mutex::default());
        let system =
            View { gauges: Arc::clone(&gauges), delay, root, nodes, listings, handle: AtomicU64::new(1) };
        let mut options = Config::default();
        options.mount_options = vec![MountOption::RO, MountOption::FSName("slow".to_owned())];
        options.n_threads = Some(THREADS);
        let session = fuser::spawn_mount(system, place, &options)?;
        Ok(Self { gauges, _session: session })
    }

    /// Returns the number of requests of a kind since the last [`Self::reset`], and the maximum in flight.
    pub(crate) fn requests(&self, question: Question) -> (u64, usize) {
        let gauge = &self.gauges.0[question as usize];
        (gauge.count.load(Ordering::Relaxed), gauge.in_flight_max.load(Ordering::Relaxed))
    }

    /// Restarts the counts.
    pub(crate) fn reset(&self) {
        for gauge in &self.gauges.0 {
            gauge.count.store(0, Ordering::Relaxed);
            gauge.in_flight_max.store(0, Ordering::Relaxed);
        }
    }
}

/// Names in a directory, with their objects.
type Listing = Arc<Vec<(INodeNo, FileType, OsString)>>;

struct View {
    gauges: Arc<Gauges>,
    delay: Duration,
    /// Inode number of the directory that is shown; its inode number here is always 1.
    root: u64,
    /// Paths of all objects that the kernel knows, by inode number; numbers are those of the real objects.
    nodes: Mutex<HashMap<u64, PathBuf>>,
    /// Open directories.
    listings: Mutex<HashMap<u64, Listing>>,
    handle: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl View {
    /// Waits like a network.
    #[expect(clippy::disallowed_methods, reason = "being late is what this file system is for")]
    fn wait(&self, question: Question) -> InFlight<'_> {
        let in_flight = self.gauges.enter(question);
        thread::sleep(self.delay);
        in_flight
    }

    fn path(&self, node: INodeNo) -> io::Result<PathBuf> {
        lock(&self.nodes).get(&node.0).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn node(&self, inode: u64) -> INodeNo {
        if inode == self.root { INodeNo::ROOT } else { INodeNo(inode) }
    }

    fn attributes(&self, metadata: &Metadata) -> io::Result<FileAttr> {
        Ok(FileAttr {
            ino: self.node(metadata.ino()),
            size: metadata.size(),
            blocks: metadata.blocks(),
            atime: time(metadata.atime(), metadata.atime_nsec())?,
            mtime: time(metadata.mtime(), metadata.mtime_nsec())?,
            ctime: time(metadata.ctime(), metadata.ctime_nsec())?,
            crtime: SystemTime::UNIX_EPOCH,
            kind: kind(metadata.file_type())?,
            perm: (metadata.mode() & 0o7777) as u16,
            nlink: metadata.nlink() as u32,
            uid: metadata.uid(),
            gid: metadata.gid(),
            rdev: metadata.rdev() as u32,
            blksize: metadata.blksize() as u32,
            flags: 0,
        })
    }

    fn find(&self, parent: INodeNo, name: &OsStr) -> io::Result<FileAttr> {
        let path = self.path(parent)?.join(name);
        let attributes = self.attributes(&fs::symlink_metadata(&path)?)?;
        lock(&self.nodes).insert(attributes.ino.0, path);
        Ok(attributes)
    }

    fn list(&self, node: INodeNo) -> io::Result<FileHandle> {
        let mut listing = vec![
            (node, FileType::Directory, OsString::from(".")),
            (node, FileType::Directory, OsString::from("..")),
        ];
        for entry in fs::read_dir(self.path(node)?)? {
            let entry = entry?;
            let inode = std::os::unix::fs::DirEntryExt::ino(&entry);
            listing.push((self.node(inode), kind(entry.file_type()?)?, entry.file_name()));
        }
        let handle = self.handle.fetch_add(1, Ordering::Relaxed);
        lock(&self.listings).insert(handle, Arc::new(listing));
        Ok(FileHandle(handle))
    }

    fn read_content(&self, node: INodeNo, offset: u64, length: u32) -> io::Result<Vec<u8>> {
        let file = File::open(self.path(node)?)?;
        let mut content = vec![0; length as usize];
        let mut filled = 0;
        while filled < content.len() {
            match file.read_at(&mut content[filled..], offset + filled as u64)? {
                0 => break,
                count => filled += count,
            }
        }
        content.truncate(filled);
        Ok(content)
    }
}

fn time(seconds: i64, nanoseconds: i64) -> io::Result<SystemTime> {
    let unsupported = |_| io::Error::from(io::ErrorKind::Unsupported);
    let seconds = u64::try_from(seconds).map_err(unsupported)?;
    let nanoseconds = u32::try_from(nanoseconds).map_err(unsupported)?;
    Ok(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds))
}

fn kind(file_type: StdFileType) -> io::Result<FileType> {
    FileType::from_std(file_type).ok_or_else(|| io::ErrorKind::Unsupported.into())
}

impl Filesystem for View {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // Without it, the kernel requests only one name of a directory at a time.
        let missing = config.add_capabilities(InitFlags::FUSE_PARALLEL_DIROPS);
        missing.map_err(|_| io::Error::from(io::ErrorKind::Unsupported))
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let in_flight = self.wait(Question::Metadata);
        let found = self.find(parent, name);
        drop(in_flight);
        match found {
            Ok(attributes) => reply.entry(&VALID, &attributes, Generation(0)),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn getattr(&self, _: &Request, node: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let in_flight = self.wait(Question::Metadata);
        let found = self.path(node).and_then(fs::symlink_metadata).and_then(|found| self.attributes(&found));
        drop(in_flight);
        match found {
            Ok(attributes) => reply.attr(&VALID, &attributes),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn readlink(&self, _: &Request, node: INodeNo, reply: ReplyData) {
        let in_flight = self.wait(Question::Object);
        let target = self.path(node).and_then(fs::read_link);
        drop(in_flight);
        match target {
            Ok(target) => reply.data(target.as_os_str().as_encoded_bytes()),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        drop(self.wait(Question::Object));
        // Without the page cache: every read is a request.
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
        let in_flight = self.wait(Question::Object);
        let content = self.read_content(node, offset, length);
        drop(in_flight);
        match content {
            Ok(content) => reply.data(&content),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn opendir(&self, _: &Request, node: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let in_flight = self.wait(Question::Listing);
        let handle = self.list(node);
        drop(in_flight);
        match handle {
            Ok(handle) => reply.opened(handle, FopenFlags::empty()),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn readdir(&self, _: &Request, _: INodeNo, handle: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let in_flight = self.wait(Question::Listing);
        let listing = lock(&self.listings).get(&handle.0).cloned().unwrap_or_default();
        for (position, (node, kind, name)) in listing.iter().enumerate().skip(offset as usize) {
            if reply.add(*node, position as u64 + 1, *kind, name) {
                break;
            }
        }
        drop(in_flight);
        reply.ok();
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        reply: fuser::ReplyEmpty,
    ) {
        // Nobody waits for this one.
        lock(&self.listings).remove(&handle.0);
        reply.ok();
    }

    fn listxattr(&self, _: &Request, _: INodeNo, length: u32, reply: ReplyXattr) {
        drop(self.wait(Question::Object));
        if length == 0 { reply.size(0) } else { reply.data(&[]) }
    }
}

fn errno(error: &io::Error) -> Errno {
    match error.raw_os_error() {
        Some(number) => Errno::from_i32(number),
        None if error.kind() == io::ErrorKind::NotFound => Errno::ENOENT,
        None => Errno::EIO,
    }
}
