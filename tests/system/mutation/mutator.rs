//! Changes a tree, and records every change.
//!
//! Its choices depend only on its own earlier changes; it never looks at the tree. So one seed always makes
//! the same changes.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use icecore_store::environment::{Clock, SystemClock};
use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};

use super::{
    content::{Content, Layout},
    journal::{Effect, Journal, Operation, Record},
    operations,
    state::{Kind, ObjectId, Place, ROOT, ROOT_MODE, State},
};
use crate::harness::Random;

/// Modes of new objects: a usual umask clears none of these bits.
pub(super) const FILE_MODE: u32 = 0o600;
pub(super) const DIRECTORY_MODE: u32 = 0o700;
/// On Linux, symbolic links have no other mode.
const SYMLINK_MODE: u32 = 0o777;

/// Lets one thread stop another one, and shows its progress.
#[derive(Debug, Default)]
pub(super) struct Control {
    pub(super) stop: AtomicBool,
    pub(super) steps: AtomicU64,
}

/// Changes a tree.
pub(super) struct Mutator {
    root: PathBuf,
    pub(super) random: Random,
    /// Only for pauses: a run with pauses makes the same changes as one without.
    pauses: Random,
    state: State,
    journal: Journal,
    clock: Arc<SystemClock>,
    next_object: ObjectId,
    next_generation: u64,
    steps: u64,
    operation: Operation,
    has_attributes: bool,
}

impl Mutator {
    /// Begins with the empty directory `root`, and sets its mode to [`ROOT_MODE`].
    pub(super) fn new(root: &Path, seed: u64) -> Self {
        assert_eq!(fs::read_dir(root).unwrap().count(), 0, "{} is not empty", root.display());
        fs::set_permissions(root, Permissions::from_mode(ROOT_MODE)).unwrap();
        let probe = "user.probe";
        let has_attributes = rustix::fs::lsetxattr(root, probe, b"1", XattrFlags::empty()).is_ok();
        if has_attributes {
            rustix::fs::lremovexattr(root, probe).unwrap();
        }
        Self {
            root: root.to_owned(),
            random: Random::new(seed),
            pauses: Random::new(seed + 1),
            state: State::new(),
            journal: Journal::default(),
            clock: Arc::new(SystemClock::new()),
            next_object: ROOT + 1,
            next_generation: 1,
            steps: 0,
            operation: Operation::CreateFile,
            has_attributes,
        }
    }

    /// Returns the clock of the times in the journal.
    pub(super) fn clock(&self) -> Arc<SystemClock> {
        Arc::clone(&self.clock)
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.journal
    }

    pub(super) fn has_attributes(&self) -> bool {
        self.has_attributes
    }

    /// Makes one random step, which changes something.
    pub(super) fn step(&mut self) {
        let before = self.journal.records.len();
        while self.journal.records.len() == before {
            self.operation = operations::choose(self);
            operations::perform(self, self.operation);
        }
        self.steps += 1;
    }

    /// Makes steps with tiny pauses until it is stopped.
    pub(super) fn run_until(&mut self, control: &Control) {
        while !control.stop.load(Ordering::Relaxed) {
            self.step();
            control.steps.fetch_add(1, Ordering::Relaxed);
            if self.pauses.below(4) == 0 {
                thread::park_timeout(Duration::from_micros(self.pauses.below(1000)));
            }
        }
    }

    /// Makes a change, which returns its effect, and records it.
    fn change(&mut self, make: impl FnOnce(&State, &Path) -> Effect) {
        let started = self.clock.monotonic();
        let effect = make(&self.state, &self.root);
        let finished = self.clock.monotonic();
        let record = Record {
            sequence: self.journal.records.len() as u64,
            step: self.steps,
            operation: self.operation,
            started,
            finished,
            paths: effect.paths(&self.state),
            effect,
        };
        self.state.apply(&record.effect);
        self.journal.records.push(record);
    }

    fn take_object(&mut self) -> ObjectId {
        self.next_object += 1;
        self.next_object - 1
    }

    /// Returns a new generation number.
    pub(super) fn take_generation(&mut self) -> u64 {
        self.next_generation += 1;
        self.next_generation - 1
    }

    /// Makes an empty file.
    fn create_empty(&mut self, place: &Place) -> ObjectId {
        let (object, generation) = (self.take_object(), self.take_generation());
        self.change(|state, root| {
            let path = root.join(state.path(place));
            let file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path).unwrap();
            let content = Content { file: object, generation, records: 0, layout: Layout::Dense };
            let kind = Kind::File { content, modified: modified(&file) };
            Effect::Created { object, place: place.clone(), kind, mode: FILE_MODE }
        });
        object
    }

    /// Makes a file: first empty, then with its content.
    pub(super) fn create_file(&mut self, place: &Place, records: u64, layout: Layout) -> ObjectId {
        let object = self.create_empty(place);
        if records > 0 {
            let generation = self.take_generation();
            self.write(object, Content { file: object, generation, records, layout }, false);
        }
        object
    }

    pub(super) fn create_directory(&mut self, place: &Place) -> ObjectId {
        let object = self.take_object();
        self.change(|state, root| {
            let path = root.join(state.path(place));
            rustix::fs::mkdirat(CWD, path, Mode::from(DIRECTORY_MODE)).unwrap();
            let kind = Kind::Directory(std::collections::BTreeMap::new());
            Effect::Created { object, place: place.clone(), kind, mode: DIRECTORY_MODE }
        });
        object
    }

    pub(super) fn create_symlink(&mut self, place: &Place, target: String) -> ObjectId {
        let object = self.take_object();
        self.change(|state, root| {
            symlink(&target, root.join(state.path(place))).unwrap();
            Effect::Created { object, place: place.clone(), kind: Kind::Symlink(target), mode: SYMLINK_MODE }
        });
        object
    }

    pub(super) fn create_fifo(&mut self, place: &Place) {
        let object = self.take_object();
        self.change(|state, root| {
            let path = root.join(state.path(place));
            rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::from(FILE_MODE), 0).unwrap();
            Effect::Created { object, place: place.clone(), kind: Kind::Fifo, mode: FILE_MODE }
        });
    }

    /// Changes the content of a file: longer or shorter if its generation stays, otherwise completely, block
    /// by block.
    pub(super) fn write(&mut self, object: ObjectId, after: Content, put_back_time: bool) {
        self.change(|state, root| {
            let before = state.object(object).content().unwrap();
            assert!(before.layout == after.layout || before.records == 0, "{before:?} {after:?}");
            let file = open_for_writing(&root.join(&state.paths_of(object)[0]));
            let time = modified(&file);
            for (offset, bytes) in after.pieces_after(&before) {
                file.write_all_at(&bytes, offset).unwrap();
            }
            // Truncates a longer file, and adds a hole at the end to the file.
            if file.metadata().unwrap().len() != after.length() {
                file.set_len(after.length()).unwrap();
            }
            if put_back_time {
                set_time(&file, time);
            }
            Effect::Written { object, before, after, modified: modified(&file) }
        });
    }

    pub(super) fn set_time(&mut self, object: ObjectId, time: (i64, i64)) {
        self.change(|state, root| {
            set_time(&open_for_writing(&root.join(&state.paths_of(object)[0])), time);
            Effect::TimeSet { object, modified: time }
        });
    }

    pub(super) fn set_mode(&mut self, object: ObjectId, mode: u32) {
        self.change(|state, root| {
            let path = root.join(&state.paths_of(object)[0]);
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            Effect::ModeSet { object, mode }
        });
    }

    pub(super) fn set_attribute(&mut self, object: ObjectId, name: &str, value: Option<String>) {
        self.change(|state, root| {
            let path = root.join(&state.paths_of(object)[0]);
            match &value {
                Some(value) => {
                    rustix::fs::lsetxattr(path, name, value.as_bytes(), XattrFlags::empty()).unwrap();
                }
                None => rustix::fs::lremovexattr(path, name).unwrap(),
            }
            Effect::AttributeSet { object, name: name.to_owned(), value }
        });
    }

    pub(super) fn link(&mut self, object: ObjectId, place: &Place) {
        self.change(|state, root| {
            let path = root.join(&state.paths_of(object)[0]);
            fs::hard_link(path, root.join(state.path(place))).unwrap();
            Effect::Linked { object, place: place.clone() }
        });
    }

    /// Removes one name; a directory must be empty.
    pub(super) fn unlink(&mut self, place: &Place) {
        self.change(|state, root| {
            let (object, path) = (state.at(place).unwrap(), root.join(state.path(place)));
            let flags =
                if state.object(object).is_directory() { AtFlags::REMOVEDIR } else { AtFlags::empty() };
            rustix::fs::unlinkat(CWD, path, flags).unwrap();
            Effect::Unlinked { object, place: place.clone() }
        });
    }

    /// Renames; an object with the new name (not a directory, and not the same object) loses it at that
    /// moment.
    pub(super) fn rename(&mut self, from: &Place, to: &Place) {
        self.change(|state, root| {
            let (object, replaced) = (state.at(from).unwrap(), state.at(to));
            assert_ne!(Some(object), replaced, "renaming {from:?} does nothing");
            fs::rename(root.join(state.path(from)), root.join(state.path(to))).unwrap();
            Effect::Renamed { object, from: from.clone(), to: to.clone(), replaced }
        });
    }
}

fn open_for_writing(path: &Path) -> File {
    OpenOptions::new().write(true).open(path).unwrap()
}

fn modified(file: &File) -> (i64, i64) {
    let found = file.metadata().unwrap();
    (found.mtime(), found.mtime_nsec())
}

fn set_time(file: &File, (seconds, nanoseconds): (i64, i64)) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps { last_access: time, last_modification: time };
    rustix::fs::futimens(file, &times).unwrap();
}
