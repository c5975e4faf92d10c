//! A handmade journal, and snapshots of it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    ops::Range,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::{bytes, judge};
use crate::{
    harness::{read, succeed},
    mutation::{
        content::{Content, Layout},
        journal::{Effect, Journal, Operation, Record},
        runner::Taken,
        state::{Kind, ObjectId, Place},
    },
};

/// Number of the records that make the first tree.
pub(super) const MADE: usize = 8;
/// Objects of the first tree: a directory, the file in it, and a file with two names.
pub(super) const DIRECTORY: ObjectId = 1;
pub(super) const FILE: ObjectId = 2;
pub(super) const LINKED: ObjectId = 3;
/// Their contents.
pub(super) const FILE_GENERATION: u64 = 21;
pub(super) const FILE_RECORDS: usize = 640;

/// `d/f`; `a`, which is `d/b` too; `l`, a symbolic link; `p`, a pipe.
pub(super) struct Bed {
    directory: TempDir,
    pub(super) journal: Journal,
    pub(super) snapshots: Vec<Taken>,
}

pub(super) fn place(parent: ObjectId, name: &str) -> Place {
    Place { parent, name: name.to_owned() }
}

pub(super) fn dense(file: ObjectId, generation: u64, records: usize) -> Content {
    Content { file, generation, records: records as _, layout: Layout::Dense }
}

pub(super) fn file_content() -> Content {
    dense(FILE, FILE_GENERATION, FILE_RECORDS)
}

/// Returns the kind of a directory.
pub(super) fn directory() -> Kind {
    Kind::Directory(BTreeMap::default())
}

/// Returns the kind of a newly created file.
pub(super) fn empty_file(object: ObjectId) -> Kind {
    Kind::File { content: dense(object, 1, 0), modified: (100, 0) }
}

/// Returns the time of a file after it was written with a generation.
pub(super) fn time_of(generation: u64) -> (i64, i64) {
    (generation.cast_signed() * 1000, 5)
}

impl Bed {
    pub(super) fn new() -> Self {
        let temporary = TempDir::new().unwrap();
        let mut bed = Self { directory: temporary, journal: Journal::default(), snapshots: Vec::new() };
        bed.create(DIRECTORY, place(0, "d"), directory(), 0o755);
        bed.create(FILE, place(DIRECTORY, "f"), empty_file(FILE), 0o644);
        bed.write(dense(FILE, 1, 0), file_content());
        bed.create(LINKED, place(0, "a"), empty_file(LINKED), 0o644);
        bed.write(dense(LINKED, 1, 0), dense(LINKED, 31, 40));
        bed.link(LINKED, place(DIRECTORY, "b"));
        bed.create(4, place(0, "l"), Kind::Symlink("target".into()), 0o777);
        bed.create(5, place(0, "p"), Kind::Fifo, 0o600);
        assert_eq!(bed.journal.records.len(), MADE);
        bed.plant();
        bed
    }

    /// Makes the tree of the next snapshot as the first records describe it.
    pub(super) fn plant(&self) {
        fs::create_dir_all(self.path("d")).unwrap();
        self.mode("d", 0o755);
        self.put("d/f", &bytes::render(&file_content()), 0o644, time_of(FILE_GENERATION));
        self.put("a", &bytes::render(&dense(LINKED, 31, 40)), 0o644, time_of(31));
        fs::hard_link(self.path("a"), self.path("d/b")).unwrap();
        symlink("target", self.path("l")).unwrap();
        succeed(std::process::Command::new("mkfifo").arg(self.path("p")));
        self.mode("p", 0o600);
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join(format!("tree-{}", self.snapshots.len()))
    }

    /// Returns a path in the tree of the next snapshot.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(super) fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), PermissionsExt::from_mode(mode)).unwrap();
    }

    /// Puts a file into the tree of the next snapshot.
    pub(super) fn put(&self, name: &str, content: &[u8], mode: u32, modified: (i64, i64)) {
        fs::write(self.path(name), content).unwrap();
        self.mode(name, mode);
        let modified = Duration::new(modified.0.cast_unsigned(), modified.1.try_into().unwrap());
        let file = File::options().write(true).open(self.path(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + modified).unwrap();
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    pub(super) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// Adds a record, which lasts from 10 `n` + 1 to 10 `n` + 2 milliseconds.
    pub(super) fn add(&mut self, effect: Effect) -> usize {
        let sequence = self.journal.records.len() as u64;
        let time = |after| Duration::from_millis(sequence * 10 + after);
        self.journal.records.push(Record {
            sequence,
            step: sequence,
            operation: Operation::CreateFile,
            started: time(1),
            finished: time(2),
            paths: Vec::new(),
            effect,
        });
        self.journal.records.len()
    }

    pub(super) fn create(&mut self, object: ObjectId, place: Place, kind: Kind, mode: u32) {
        self.add(Effect::Created { object, place, kind, mode });
    }

    pub(super) fn write(&mut self, before: Content, after: Content) {
        let (object, modified) = (after.file, time_of(after.generation));
        self.add(Effect::Written { object, before, after, modified });
    }

    pub(super) fn link(&mut self, object: ObjectId, place: Place) {
        self.add(Effect::Linked { object, place });
    }

    pub(super) fn unlink(&mut self, object: ObjectId, place: Place) {
        self.add(Effect::Unlinked { object, place });
    }

    pub(super) fn move_object(&mut self, object: ObjectId, from: Place, to: Place) {
        self.add(Effect::Renamed { object, from, to, replaced: None });
    }

    pub(super) fn set_mode(&mut self, object: ObjectId, mode: u32) {
        self.add(Effect::ModeSet { object, mode });
    }

    /// Takes the tree as a snapshot that overlaps some records, with an exit code.
    pub(super) fn take(&mut self, records: Range<usize>, code: i32) -> &mut Taken {
        self.take_at("full", records, code)
    }

    pub(super) fn take_at(&mut self, level: &'static str, records: Range<usize>, code: i32) -> &mut Taken {
        let restored = self.root();
        self.snapshots.push(Taken {
            id: String::new(),
            level,
            started: Duration::from_millis(records.start as u64 * 10),
            finished: Duration::from_millis(records.end as u64 * 10),
            code,
            document: Value::Null,
            listing: listing(&restored),
            restored,
        });
        self.snapshots.last_mut().unwrap()
    }

    /// Takes the tree as it is, with exit code 0, during some records; returns the faults.
    pub(super) fn faults(&mut self, records: Range<usize>) -> Vec<String> {
        self.take(records, 0);
        self.judge()
    }

    /// Returns the faults of the last snapshot.
    pub(super) fn judge(&self) -> Vec<String> {
        judge(&self.journal, &self.snapshots)
    }

    #[track_caller]
    pub(super) fn assert_accepted(&mut self, records: Range<usize>) {
        assert_eq!(self.faults(records), Vec::<String>::new());
    }

    /// Fails unless there is exactly one fault, which contains these words.
    #[track_caller]
    pub(super) fn assert_found(&mut self, records: Range<usize>, words: &str) {
        self.take(records, 0);
        self.assert_judged(words);
    }

    /// Same as [`Self::assert_found`], for the last snapshot.
    #[track_caller]
    pub(super) fn assert_judged(&self, words: &str) {
        let faults = self.judge();
        assert!(faults.len() == 1 && faults[0].contains(words), "not {words:?} alone: {faults:#?}");
    }
}

/// Returns the listing of a tree, as from `ls`.
fn listing(root: &Path) -> Value {
    let entries = read(root).into_iter().filter(|(path, _)| !path.is_empty());
    let item = |(path, object): (Vec<u8>, _)| {
        let object: crate::harness::Object = object;
        let path = String::from_utf8(path).unwrap();
        let found = fs::symlink_metadata(root.join(&path)).unwrap();
        let kind = found.file_type();
        let (kind, size) = match kind {
            _ if kind.is_dir() => ("directory", 0),
            _ if kind.is_file() => ("file", object.size),
            _ if kind.is_symlink() => ("symlink", 0),
            _ => ("fifo", 0),
        };
        let time = jiff::Timestamp::new(object.modified.0, object.modified.1.try_into().unwrap()).unwrap();
        let is_linked = kind == "file" && found.nlink() > 1;
        json!({"path": path, "kind": kind, "mode": format!("{:04o}", object.mode & 0o7777), "size": size,
            "modified": time.to_string(), "inode": found.ino(), "hard_link": is_linked,
            "target": (kind == "symlink").then(|| String::from_utf8(object.content.clone()).unwrap())})
    };
    entries.map(item).collect()
}

/// Returns an entry of a listing.
pub(super) fn entry<'a>(taken: &'a mut Taken, path: &str) -> &'a mut Value {
    let items = taken.listing.as_array_mut().unwrap();
    items.iter_mut().find(|item| item["path"] == path).unwrap()
}
