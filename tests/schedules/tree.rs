//! A small tree of files that changes between backups, and comes back to earlier contents again and again.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use icecore_fixtures::content::noise;

use crate::{dice::Dice, truth::Files};

const NAMES: [&str; 5] = ["a", "b", "c", "d/e", "d/f"];

/// The contents that files may have: most are one chunk, and two are several, of which they share some.
static CONTENTS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let short = (0..5).map(|number| noise(700, number));
    let long = (0..2).map(|number| [noise(24 << 10, 100), noise(600, 101 + number)].concat());
    short.chain(long).collect()
});

/// A tree on disk, with what it contains.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
    files: Files,
    /// Changes so far: each gives a file a time of its own.
    changes: u64,
}

impl Tree {
    pub(crate) fn new(root: &Path) -> Self {
        fs::create_dir_all(root.join("d")).unwrap();
        Self { root: root.to_owned(), files: Files::new(), changes: 0 }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// Makes a few changes.
    pub(crate) fn change(&mut self, dice: &mut Dice) {
        for _ in 0..=dice.below(3) {
            let name = dice.pick(&NAMES);
            let content = if dice.happens(200) { None } else { Some(dice.pick(&CONTENTS)) };
            self.set(name, content.map(Vec::as_slice));
        }
        if self.files.is_empty() {
            self.set(NAMES[0], Some(&CONTENTS[0]));
        }
    }

    /// Gives a file a content, or removes it.
    fn set(&mut self, name: &str, content: Option<&[u8]>) {
        let path = self.root.join(name);
        if self.files.remove(name.as_bytes()).is_some() {
            fs::remove_file(&path).unwrap();
        }
        let Some(content) = content else { return };
        self.changes += 1;
        let mut file = File::create_new(&path).unwrap();
        file.write_all(content).unwrap();
        // Two changes in one tick of the clock must not look alike.
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + self.changes)).unwrap();
        self.files.insert(name.as_bytes().to_vec(), content.to_vec());
    }
}
