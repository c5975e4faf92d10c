//! Changes to a tree that are likely to collide: few paths, few contents.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::Write,
    os::unix::fs::{PermissionsExt, lchown, symlink},
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};

use crate::harness::{bytes, is_root, text};

/// A change of one path, or two. It is skipped if it is impossible (the path does not exist, or is a
/// directory).
#[derive(Clone, Debug)]
pub(super) enum Change {
    Create {
        path: usize,
        content: Content,
    },
    Overwrite {
        path: usize,
        content: Content,
    },
    Append {
        path: usize,
        content: Content,
    },
    Truncate {
        path: usize,
        percent: u64,
    },
    /// Changes content and resets size and time of modification: only the time of change shows it.
    Falsify {
        path: usize,
    },
    MakeDirectory {
        path: usize,
    },
    MakeLink {
        path: usize,
        target: usize,
    },
    MakePipe {
        path: usize,
    },
    HardLink {
        from: usize,
        to: usize,
    },
    Rename {
        from: usize,
        to: usize,
    },
    Delete {
        path: usize,
    },
    SetMode {
        path: usize,
        mode: u32,
    },
    SetOwner {
        path: usize,
        owner: u32,
    },
    SetTime {
        path: usize,
        seconds: i64,
    },
    SetAttribute {
        path: usize,
        name: usize,
        value: Option<u8>,
    },
}

/// Content of a file.
#[derive(Clone, Debug)]
pub(super) struct Content {
    seed: u64,
    length: usize,
    compressible: bool,
}

impl Content {
    fn bytes(&self) -> Vec<u8> {
        if self.compressible { text(self.seed, self.length) } else { bytes(self.seed, self.length) }
    }
}

/// Paths: so few that they are reused, and nested, so that parents are replaced.
const PATHS: [&str; 16] = [
    "a", "b", "c", "d", "d/a", "d/b", "d/e", "d/e/a", "d/e/f", "d/e/f/a", "d-", "d.x", "g", "g/a", "g/b",
    "g/a/h",
];

/// Lengths of files: `many` is longer than a chunk can be with the program's parameters.
fn content(many: std::ops::Range<usize>) -> impl Strategy<Value = Content> {
    let length = prop_oneof![
        2 => Just(0usize),
        6 => 1..3000usize,
        2 => many.start / 2..many.start * 7 / 10,
        1 => many,
    ];
    (0..4u64, length, prop::bool::ANY).prop_map(|(seed, length, compressible)| Content {
        seed,
        length,
        compressible,
    })
}

/// Returns any change, with files of up to 1.5 MB.
pub(super) fn any() -> impl Strategy<Value = Change> {
    any_of(|| content(100_000..1_500_000))
}

/// Returns any change, with files of up to 90 kB.
pub(super) fn any_small() -> impl Strategy<Value = Change> {
    any_of(|| content(20_000..90_000))
}

fn any_of<C: Strategy<Value = Content> + 'static>(content: fn() -> C) -> impl Strategy<Value = Change> {
    // Some are reused more often than others.
    let path = || prop_oneof![0..5usize, 0..PATHS.len()];
    prop_oneof![
        6 => (path(), content()).prop_map(|(path, content)| Change::Create { path, content }),
        3 => (path(), content()).prop_map(|(path, content)| Change::Overwrite { path, content }),
        2 => (path(), content()).prop_map(|(path, content)| Change::Append { path, content }),
        2 => (path(), 0..=100u64).prop_map(|(path, percent)| Change::Truncate { path, percent }),
        4 => path().prop_map(|path| Change::Falsify { path }),
        4 => path().prop_map(|path| Change::MakeDirectory { path }),
        1 => (path(), path()).prop_map(|(path, target)| Change::MakeLink { path, target }),
        1 => path().prop_map(|path| Change::MakePipe { path }),
        2 => (path(), path()).prop_map(|(from, to)| Change::HardLink { from, to }),
        3 => (path(), path()).prop_map(|(from, to)| Change::Rename { from, to }),
        3 => path().prop_map(|path| Change::Delete { path }),
        2 => (path(), 0..0o10000u32).prop_map(|(path, mode)| Change::SetMode { path, mode }),
        2 => (path(), 0..3u32).prop_map(|(path, owner)| Change::SetOwner { path, owner }),
        2 => (path(), -2..2_000_000_000i64).prop_map(|(path, seconds)| Change::SetTime { path, seconds }),
        2 => (path(), 0..2usize, prop::option::of(0..3u8))
            .prop_map(|(path, name, value)| Change::SetAttribute { path, name, value }),
    ]
}

impl Change {
    /// Makes the change below `root`, if possible.
    pub(super) fn make(&self, root: &Path) {
        let at = |path: usize| root.join(PATHS[path]);
        match self {
            Self::Create { path, content } => write_new(&at(*path), content),
            Self::Overwrite { path, content } if is_file(&at(*path)) => {
                fs::write(at(*path), content.bytes()).unwrap();
            }
            Self::Append { path, content } if is_file(&at(*path)) => {
                OpenOptions::new().append(true).open(at(*path)).unwrap().write_all(&content.bytes()).unwrap();
            }
            Self::Truncate { path, percent } if is_file(&at(*path)) => {
                let file = OpenOptions::new().write(true).open(at(*path)).unwrap();
                file.set_len(file.metadata().unwrap().len() * percent / 80).unwrap();
            }
            Self::Falsify { path } if is_file(&at(*path)) => falsify(&at(*path)),
            Self::MakeDirectory { path } => drop(fs::create_dir(at(*path))),
            Self::MakeLink { path, target } => drop(symlink(PATHS[*target], at(*path))),
            Self::MakePipe { path } => {
                let _ = rustix::fs::mknodat(CWD, at(*path), FileType::Fifo, Mode::from(0o644), 0);
            }
            Self::HardLink { from, to } => drop(fs::hard_link(at(*from), at(*to))),
            Self::Rename { from, to } => drop(fs::rename(at(*from), at(*to))),
            Self::Delete { path } => delete(&at(*path)),
            Self::SetMode { path, mode } => set_mode(&at(*path), *mode),
            Self::SetOwner { path, owner } if is_root() => {
                drop(lchown(at(*path), Some(*owner), Some(owner * 2)));
            }
            Self::SetTime { path, seconds } => set_time(&at(*path), *seconds),
            Self::SetAttribute { path, name, value } => set_attribute(&at(*path), *name, *value),
            _ => {}
        }
    }
}

fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

fn write_new(path: &Path, content: &Content) {
    // Anything in the way is removed, with everything in it, so the kind of a path changes.
    delete(path);
    if path.parent().is_some_and(Path::is_dir) {
        fs::write(path, content.bytes()).unwrap();
    }
}

fn delete(path: &Path) {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path).unwrap(),
        Ok(_) => fs::remove_file(path).unwrap(),
        Err(_) => {}
    }
}

fn falsify(path: &Path) {
    let mut content = fs::read(path).unwrap();
    let Some(last) = content.last_mut() else { return };
    *last ^= 0x55;
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    fs::write(path, content).unwrap();
    OpenOptions::new().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

fn set_mode(path: &Path, mode: u32) {
    let Ok(found) = fs::symlink_metadata(path) else { return };
    // Users other than root must still be able to read what they back up.
    let mode = if is_root() { mode } else { mode | 0o700 };
    if !found.is_symlink() {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
}

fn set_time(path: &Path, seconds: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: seconds.rem_euclid(1_000_000_000) };
    let times = Timestamps { last_access: time, last_modification: time };
    let _ = rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW);
}

fn set_attribute(path: &Path, name: usize, value: Option<u8>) {
    let name = ["user.one", "user.two"][name];
    match value {
        Some(value) => {
            let _ = rustix::fs::lsetxattr(path, name, &[value; 9], XattrFlags::empty());
        }
        None => {
            let _ = rustix::fs::lremovexattr(path, name);
        }
    }
}

/// Returns a path that no change touches, for other purposes of a test.
pub(super) fn untouched(root: &Path) -> PathBuf {
    root.join("untouched")
}
