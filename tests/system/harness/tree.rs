//! Reads a tree with plain system calls and reports how two trees differ; shares no code with the program.

use std::{
    collections::BTreeMap,
    ffi::{CStr, CString},
    fmt::Write,
    fs::{self, File},
    io::Read,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::fs::MetadataExt,
    },
    path::Path,
};

use rustix::{
    fs::{
        AtFlags, Dir, FileType, Mode, OFlags, SeekFrom, Stat, lgetxattr, llistxattr, openat, readlinkat,
        statat,
    },
    io::Errno,
};

/// Everything about an object that a backup must restore, and a little more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    /// Kind and mode, as in `st_mode`.
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    /// Seconds and nanoseconds.
    pub(crate) modified: (i64, i64),
    /// Length of regular files and symbolic links.
    pub(crate) size: u64,
    /// BLAKE3 hash of the content, or target of a symbolic link.
    pub(crate) content: Vec<u8>,
    /// Device of a device file.
    pub(crate) device: u64,
    /// Extended attributes, including access control lists, with their raw values.
    pub(crate) attributes: BTreeMap<Vec<u8>, Vec<u8>>,
    /// First path of the same object, in path order; its own path if there is no other.
    pub(crate) first_link: Vec<u8>,
    /// Extents with data, as offsets of begin and end; only of regular files. Not compared, because the file
    /// system decides on the layout.
    pub(crate) extents: Vec<(u64, u64)>,
    /// Time of change, seconds and nanoseconds. Not compared: nobody can set it.
    pub(crate) changed: (i64, i64),
}

/// All objects of a tree by their path relative to its root; the root's own is empty.
pub(crate) type Tree = BTreeMap<Vec<u8>, Object>;

/// Reads the tree at `root`; names and paths may have any bytes and any length.
#[track_caller]
pub(crate) fn read(root: &Path) -> Tree {
    let mut reader = Reader { tree: Tree::new(), links: BTreeMap::new() };
    let path = CString::new(root.as_os_str().as_encoded_bytes()).unwrap();
    if fs::symlink_metadata(root).is_ok_and(|found| found.is_dir()) {
        let directory = open_directory(rustix::fs::CWD, &path).unwrap();
        reader.add_at(&directory, c".", Vec::new());
        reader.add_content_of(&directory, b"");
    } else {
        reader.add_at(rustix::fs::CWD, &path, Vec::new());
    }
    reader.tree
}

fn open_directory(directory: impl AsFd, name: &CStr) -> rustix::io::Result<OwnedFd> {
    openat(
        directory,
        name,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

struct Reader {
    tree: Tree,
    /// First path of each object that has several names.
    links: BTreeMap<(u64, u64), Vec<u8>>,
}

impl Reader {
    fn add_content_of(&mut self, directory: &OwnedFd, path: &[u8]) {
        let mut names: Vec<CString> = Dir::read_from(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_owned())
            .filter(|name| name.to_bytes() != b"." && name.to_bytes() != b"..")
            .collect();
        names.sort();
        for name in names {
            let mut below = path.to_vec();
            if !below.is_empty() {
                below.push(b'/');
            }
            below.extend_from_slice(name.to_bytes());
            if self.add_at(directory, &name, below.clone()) == FileType::Directory {
                let inner = open_directory(directory, &name).unwrap();
                self.add_content_of(&inner, &below);
            }
        }
    }

    fn add_at(&mut self, directory: impl AsFd, name: &CStr, path: Vec<u8>) -> FileType {
        let directory = directory.as_fd();
        let found = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).unwrap();
        let kind = FileType::from_raw_mode(found.st_mode);
        let (content, extents) = match kind {
            FileType::RegularFile => read_file(directory, name, &found),
            FileType::Symlink => (readlinkat(directory, name, Vec::new()).unwrap().into_bytes(), Vec::new()),
            _ => (Vec::new(), Vec::new()),
        };
        let has_size = matches!(kind, FileType::RegularFile | FileType::Symlink);
        let is_linked = kind != FileType::Directory && found.st_nlink > 1;
        let identity = (found.st_dev, found.st_ino);
        let first_link = if is_linked {
            self.links.entry(identity).or_insert_with(|| path.clone()).clone()
        } else {
            path.clone()
        };
        let object = Object {
            mode: found.st_mode,
            owner: (found.st_uid, found.st_gid),
            modified: (found.st_mtime, found.st_mtime_nsec.cast_signed()),
            size: if has_size { found.st_size.cast_unsigned() } else { 0 },
            content,
            device: if matches!(kind, FileType::CharacterDevice | FileType::BlockDevice) {
                found.st_rdev
            } else {
                0
            },
            attributes: read_attributes(directory, name),
            first_link,
            extents,
            changed: (found.st_ctime, found.st_ctime_nsec.cast_signed()),
        };
        self.tree.insert(path, object);
        kind
    }
}

fn read_file(directory: impl AsFd, name: &CStr, found: &Stat) -> (Vec<u8>, Vec<(u64, u64)>) {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = match openat(directory, name, flags, Mode::empty()) {
        // Unreadable for users other than root.
        Err(Errno::ACCESS) => return (Vec::new(), Vec::new()),
        file => file.unwrap(),
    };
    let (mut extents, mut position, end) = (Vec::new(), 0, found.st_size.cast_unsigned());
    while let Ok(begin) = rustix::fs::seek(&file, SeekFrom::Data(position)) {
        position = rustix::fs::seek(&file, SeekFrom::Hole(begin)).unwrap();
        extents.push((begin, position.min(end)));
    }
    rustix::fs::seek(&file, SeekFrom::Start(0)).unwrap();
    let mut hasher = blake3::Hasher::new();
    let (mut file, mut buffer) = (File::from(file), vec![0; 256 << 10]);
    assert_eq!(file.metadata().unwrap().ino(), found.st_ino);
    loop {
        match file.read(&mut buffer).unwrap() {
            0 => return (hasher.finalize().as_bytes().to_vec(), extents),
            count => hasher.update(&buffer[..count]),
        };
    }
}

fn read_attributes(directory: impl AsFd, name: &CStr) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let descriptor = directory.as_fd().as_raw_fd();
    // There are no calls for attributes relative to a directory; this is a workaround, whatever the path's
    // length.
    let mut path = match descriptor {
        _ if name.to_bytes().starts_with(b"/") => Vec::new(),
        0.. => format!("/proc/self/fd/{descriptor}/").into_bytes(),
        _ => b"./".to_vec(),
    };
    path.extend_from_slice(name.to_bytes());
    let path = CString::new(path).unwrap();
    let mut names = vec![0; 64 << 10];
    let length = match llistxattr(&path, &mut names) {
        Err(Errno::NOTSUP) => return BTreeMap::new(),
        length => length.unwrap(),
    };
    let mut attributes = BTreeMap::new();
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 64 << 10];
        let name_text = CString::new(name).unwrap();
        let length = lgetxattr(&path, &name_text, &mut value).unwrap();
        value.truncate(length);
        attributes.insert(name.to_vec(), value);
    }
    attributes
}

/// Returns the differences between `found` and `expected`, one on each line.
pub(crate) fn differences(expected: &Tree, found: &Tree) -> Vec<String> {
    let mut lines = Vec::new();
    for path in expected.keys().chain(found.keys().filter(|path| !expected.contains_key(*path))) {
        let shown = String::from_utf8_lossy(path);
        match (expected.get(path), found.get(path)) {
            (Some(expected), Some(found)) => {
                let what = difference(expected, found);
                if !what.is_empty() {
                    lines.push(format!("{shown:?}:{what}"));
                }
            }
            (Some(_), None) => lines.push(format!("{shown:?} is missing")),
            (None, Some(_)) => lines.push(format!("{shown:?} should not be there")),
            (None, None) => {}
        }
    }
    lines
}

fn difference(expected: &Object, found: &Object) -> String {
    let mut text = String::new();
    let mut compare = |what: &str, is_same: bool, expected: String, found: String| {
        if !is_same {
            write!(text, " {what} is {found}, not {expected};").unwrap();
        }
    };
    macro_rules! compare_field {
        ($field:ident) => {
            compare(
                stringify!($field),
                expected.$field == found.$field,
                format!("{:?}", expected.$field),
                format!("{:?}", found.$field),
            );
        };
    }
    compare("mode", expected.mode == found.mode, format!("{:o}", expected.mode), format!("{:o}", found.mode));
    compare_field!(owner);
    compare_field!(modified);
    compare_field!(size);
    compare_field!(content);
    compare_field!(device);
    compare_field!(attributes);
    compare(
        "first link",
        expected.first_link == found.first_link,
        shown(&expected.first_link),
        shown(&found.first_link),
    );
    text
}

fn shown(path: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(path))
}

/// Fails with a list of differences unless the trees are the same.
#[track_caller]
pub(crate) fn assert_same(expected: &Tree, found: &Tree) {
    let differences = differences(expected, found);
    let number = differences.len();
    let first: Vec<String> = differences.into_iter().take(20).collect();
    assert_eq!(number, 0, "{number} differences:\n  {}\n", first.join("\n  "));
}

#[test]
fn every_kind_of_difference_is_seen() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "content").unwrap();
    fs::hard_link(&file, directory.path().join("link")).unwrap();
    let tree = read(directory.path());
    assert_same(&tree, &read(directory.path()));
    assert_eq!(tree[b"link".as_slice()].first_link, b"file");
    let changed = |change: &dyn Fn(&mut Object)| {
        let mut other = tree.clone();
        change(other.get_mut(b"file".as_slice()).unwrap());
        differences(&tree, &other).len()
    };
    assert_eq!(changed(&|object| object.mode ^= 1), 1);
    assert_eq!(changed(&|object| object.owner.1 ^= 1), 1);
    assert_eq!(changed(&|object| object.modified.1 ^= 1), 1);
    assert_eq!(changed(&|object| object.content[0] ^= 1), 1);
    assert_eq!(changed(&|object| object.size += 1), 1);
    assert_eq!(changed(&|object| object.device += 1), 1);
    assert_eq!(changed(&|object| drop(object.attributes.insert(vec![1], vec![2]))), 1);
    assert_eq!(changed(&|object| object.first_link = b"link".to_vec()), 1);
    assert_eq!(changed(&|object| object.changed.1 ^= 1), 0);
    let mut fewer = tree.clone();
    fewer.remove(b"file".as_slice());
    assert_eq!(differences(&tree, &fewer).len(), 1);
    assert_eq!(differences(&fewer, &tree).len(), 1);
}
