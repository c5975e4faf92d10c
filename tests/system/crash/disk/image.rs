//! A disk as a value: its visible content, and the part of it that would remain after a power failure.
//!
//! The model is the strictest that POSIX allows. The content of a file is durable after `fsync` of the file,
//! and a name is durable after `fsync` of its directory. Nothing else makes anything durable. Data that was
//! not synced may be present, missing, or (content) present in part, each item independently of all others.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use crate::harness::Random;

/// Number of a file or directory.
pub(super) type Node = u64;
pub(super) const ROOT: Node = 1;

/// One change of a disk, as small as possible.
#[derive(Clone, Debug)]
pub(super) enum Change {
    MakeFile(Node),
    MakeDirectory(Node),
    /// From now on, a name in a directory denotes something else, or nothing.
    Name {
        directory: Node,
        name: String,
        node: Option<Node>,
    },
    Write {
        file: Node,
        offset: usize,
        bytes: Vec<u8>,
    },
    Resize {
        file: Node,
        size: usize,
    },
    SyncFile(Node),
    SyncDirectory(Node),
}

/// What happens to data that was not synced.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    Lost,
    Kept,
    /// Each item independently of the others.
    Mixed(Random),
}

#[derive(Clone, Debug, Default)]
struct File {
    shown: Vec<u8>,
    synced: Vec<u8>,
    is_synced: bool,
}

#[derive(Clone, Debug, Default)]
struct Directory {
    synced: BTreeMap<String, Node>,
    /// What each name has denoted since the last sync.
    later: BTreeMap<String, Vec<Option<Node>>>,
}

/// A disk after some changes.
#[derive(Clone, Debug)]
pub(super) struct Image {
    files: HashMap<Node, File>,
    directories: HashMap<Node, Directory>,
}

/// Remaining data after a power failure: content by path; none for directories.
pub(super) type Remains = BTreeMap<String, Option<Vec<u8>>>;

impl Image {
    /// Makes an empty disk.
    pub(super) fn new() -> Self {
        Self { files: HashMap::new(), directories: HashMap::from([(ROOT, Directory::default())]) }
    }

    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::MakeFile(node) => drop(self.files.insert(*node, File::default())),
            Change::MakeDirectory(node) => drop(self.directories.insert(*node, Directory::default())),
            Change::Name { directory, name, node } => {
                let directory = self.directories.get_mut(directory).unwrap();
                directory.later.entry(name.clone()).or_default().push(*node);
            }
            Change::Write { file, offset, bytes } => {
                let file = self.files.get_mut(file).unwrap();
                let end = offset + bytes.len();
                file.shown.resize(file.shown.len().max(end), 0);
                file.shown[*offset..end].copy_from_slice(bytes);
                file.is_synced = false;
            }
            Change::Resize { file, size } => {
                let file = self.files.get_mut(file).unwrap();
                file.shown.resize(*size, 0);
                file.is_synced = false;
            }
            Change::SyncFile(node) => {
                let file = self.files.get_mut(node).unwrap();
                if !file.is_synced {
                    file.synced.clone_from(&file.shown);
                    file.is_synced = true;
                }
            }
            Change::SyncDirectory(node) => {
                let directory = self.directories.get_mut(node).unwrap();
                for (name, nodes) in std::mem::take(&mut directory.later) {
                    match nodes.last().copied().flatten() {
                        Some(node) => drop(directory.synced.insert(name, node)),
                        None => drop(directory.synced.remove(&name)),
                    }
                }
            }
        }
    }

    /// Returns the object of a name.
    pub(super) fn find(&self, directory: Node, name: &str) -> Option<Node> {
        let directory = self.directories.get(&directory)?;
        match directory.later.get(name).and_then(|nodes| nodes.last()) {
            Some(latest) => *latest,
            None => directory.synced.get(name).copied(),
        }
    }

    /// Returns the names in a directory, with their objects.
    pub(super) fn list(&self, node: Node) -> Option<Vec<(String, Node)>> {
        let directory = self.directories.get(&node)?;
        let mut names: Vec<&String> = directory.synced.keys().chain(directory.later.keys()).collect();
        names.sort();
        names.dedup();
        Some(names.into_iter().filter_map(|name| Some((name.clone(), self.find(node, name)?))).collect())
    }

    /// Returns the content of a file; none for directories.
    pub(super) fn content(&self, node: Node) -> Option<&[u8]> {
        self.files.get(&node).map(|file| file.shown.as_slice())
    }

    pub(super) fn is_directory(&self, node: Node) -> bool {
        self.directories.contains_key(&node)
    }

    /// Returns the greatest number in use.
    pub(super) fn last_node(&self) -> Node {
        self.files.keys().chain(self.directories.keys()).copied().max().unwrap_or(ROOT)
    }

    /// Returns what remains after a power failure.
    pub(super) fn fail(&self, fate: &mut Fate) -> Remains {
        let mut remains = Remains::new();
        self.collect(ROOT, "", fate, &mut remains);
        remains
    }

    fn collect(&self, node: Node, path: &str, fate: &mut Fate, remains: &mut Remains) {
        let directory = &self.directories[&node];
        let mut names = directory.synced.clone();
        for (name, nodes) in &directory.later {
            let mut states = vec![directory.synced.get(name).copied()];
            states.extend(nodes);
            match states[fate.choose(states.len())] {
                Some(node) => drop(names.insert(name.clone(), node)),
                None => drop(names.remove(name)),
            }
        }
        for (name, node) in names {
            let path = if path.is_empty() { name } else { format!("{path}/{name}") };
            if let Some(file) = self.files.get(&node) {
                remains.insert(path, Some(file.fail(fate)));
            } else {
                remains.insert(path.clone(), None);
                self.collect(node, &path, fate, remains);
            }
        }
    }
}

impl Fate {
    /// Chooses one of `number` states: the first is the synced one, the last is the newest.
    fn choose(&mut self, number: usize) -> usize {
        match self {
            Self::Lost => 0,
            Self::Kept => number - 1,
            Self::Mixed(random) => random.below(number as u64) as usize,
        }
    }
}

impl File {
    fn fail(&self, fate: &mut Fate) -> Vec<u8> {
        if self.is_synced {
            return self.shown.clone();
        }
        // The length may remain without the content, and a part of the content without the rest.
        let half = self.shown.len() / 2;
        let torn = [&self.shown[..half], &vec![0; self.shown.len() - half]].concat();
        let states =
            [&self.synced, &vec![0; self.shown.len()], &torn, &self.shown[..half].to_vec(), &self.shown];
        states[fate.choose(states.len())].clone()
    }
}

/// Writes the remaining data of a disk into an empty directory.
pub(super) fn write(remains: &Remains, place: &Path) {
    for (path, content) in remains {
        match content {
            Some(content) => fs::write(place.join(path), content).unwrap(),
            None => fs::create_dir(place.join(path)).unwrap(),
        }
    }
}

#[test]
fn only_what_was_synced_is_sure_to_last() {
    let mut image = Image::new();
    let name = |directory, name: &str, node| Change::Name { directory, name: name.to_owned(), node };
    let write = |bytes: &[u8]| Change::Write { file: 2, offset: 0, bytes: bytes.to_vec() };
    for change in [Change::MakeFile(2), write(b"old!"), name(ROOT, "a", Some(2))] {
        image.apply(&change);
    }
    assert_eq!(image.fail(&mut Fate::Lost), Remains::new());
    let kept = |content: &[u8]| Remains::from([("a".to_owned(), Some(content.to_vec()))]);
    assert_eq!(image.fail(&mut Fate::Kept), kept(b"old!"));
    image.apply(&Change::SyncDirectory(ROOT));
    assert_eq!(image.fail(&mut Fate::Lost), kept(b""));
    image.apply(&Change::SyncFile(2));
    assert_eq!(image.fail(&mut Fate::Lost), kept(b"old!"));
    image.apply(&write(b"new!"));
    image.apply(&name(ROOT, "a", None));
    assert_eq!(image.fail(&mut Fate::Lost), kept(b"old!"));
    assert_eq!(image.fail(&mut Fate::Kept), Remains::new());
    let mut mixed = Fate::Mixed(Random::new(1));
    let found: std::collections::BTreeSet<Remains> = (0..100).map(|_| image.fail(&mut mixed)).collect();
    assert_eq!(found.len(), 6, "nothing, or one of five contents: {found:?}");
}
