//! The state of a tree at one moment, and how an effect changes it.

use std::collections::{BTreeMap, BTreeSet};

use super::{content::Content, journal::Effect};

/// Number of an object: like an inode number, but never reused.
pub(super) type ObjectId = u64;
/// The root directory of the tree.
pub(super) const ROOT: ObjectId = 0;
/// Initial mode of the root directory.
pub(super) const ROOT_MODE: u32 = 0o755;

/// A name in a directory. The directory is an object, because its path may change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) parent: ObjectId,
    pub(super) name: String,
}

/// Kind of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// With the objects in it by name.
    Directory(BTreeMap<String, ObjectId>),
    /// With the time of its last modification, seconds and nanoseconds.
    File {
        content: Content,
        modified: (i64, i64),
    },
    /// With its target.
    Symlink(String),
    Fifo,
}

/// An object that has at least one name, or is the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) kind: Kind,
    /// Permission bits.
    pub(super) mode: u32,
    /// Extended attributes.
    pub(super) attributes: BTreeMap<String, String>,
    /// All names; the root has none.
    pub(super) names: BTreeSet<Place>,
}

impl Object {
    fn new(kind: Kind, mode: u32) -> Self {
        Self { kind, mode, attributes: BTreeMap::new(), names: BTreeSet::new() }
    }

    pub(super) fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory(_))
    }

    /// Returns the content of a file.
    pub(super) fn content(&self) -> Option<Content> {
        match self.kind {
            Kind::File { content, .. } => Some(content),
            _ => None,
        }
    }
}

/// A whole tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) objects: BTreeMap<ObjectId, Object>,
}

impl State {
    /// Returns the tree that every journal begins with: an empty root.
    pub(super) fn new() -> Self {
        let root = Object::new(Kind::Directory(BTreeMap::new()), ROOT_MODE);
        Self { objects: BTreeMap::from([(ROOT, root)]) }
    }

    /// Returns an existing object.
    pub(super) fn object(&self, id: ObjectId) -> &Object {
        &self.objects[&id]
    }

    fn object_mut(&mut self, id: ObjectId) -> &mut Object {
        self.objects.get_mut(&id).unwrap()
    }

    fn entries_mut(&mut self, directory: ObjectId) -> &mut BTreeMap<String, ObjectId> {
        match &mut self.object_mut(directory).kind {
            Kind::Directory(entries) => entries,
            other => panic!("{directory} is {other:?}"),
        }
    }

    /// Returns the objects in a directory by name.
    pub(super) fn entries(&self, directory: ObjectId) -> &BTreeMap<String, ObjectId> {
        match &self.object(directory).kind {
            Kind::Directory(entries) => entries,
            other => panic!("{directory} is {other:?}"),
        }
    }

    /// Returns the object at a place.
    pub(super) fn at(&self, place: &Place) -> Option<ObjectId> {
        self.entries(place.parent).get(&place.name).copied()
    }

    /// Returns all names of the tree.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        self.objects.values().flat_map(|object| &object.names)
    }

    /// Returns the only place of a directory that is not the root.
    pub(super) fn place_of(&self, directory: ObjectId) -> &Place {
        self.object(directory).names.first().unwrap()
    }

    /// Returns the number of directories above an object, by its first name.
    pub(super) fn depth(&self, mut id: ObjectId) -> usize {
        let mut depth = 0;
        while id != ROOT {
            id = self.place_of(id).parent;
            depth += 1;
        }
        depth
    }

    /// Returns whether a directory is another one or below it.
    pub(super) fn is_within(&self, mut directory: ObjectId, other: ObjectId) -> bool {
        while directory != other && directory != ROOT {
            directory = self.place_of(directory).parent;
        }
        directory == other
    }

    /// Returns the path of a place relative to the root.
    pub(super) fn path(&self, place: &Place) -> String {
        if place.parent == ROOT {
            return place.name.clone();
        }
        format!("{}/{}", self.path(self.place_of(place.parent)), place.name)
    }

    /// Returns all paths of an object; that of the root is empty.
    pub(super) fn paths_of(&self, id: ObjectId) -> Vec<String> {
        if id == ROOT {
            return vec![String::new()];
        }
        self.object(id).names.iter().map(|place| self.path(place)).collect()
    }

    /// Applies an effect to the tree.
    ///
    /// # Panics
    /// When the effect does not fit the tree.
    pub(super) fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::Created { object, place, kind, mode } => {
                let old = self.objects.insert(*object, Object::new(kind.clone(), *mode));
                assert!(old.is_none(), "{effect:?}");
                self.add_name(*object, place);
            }
            Effect::Linked { object, place } => self.add_name(*object, place),
            Effect::Unlinked { object, place } => self.remove_name(*object, place),
            Effect::Renamed { object, from, to, replaced } => {
                assert_eq!(self.at(to), *replaced, "{effect:?}");
                if let Some(replaced) = replaced {
                    self.remove_name(*replaced, to);
                }
                self.move_name(*object, from, to);
            }
            Effect::Written { object, before, after, modified } => {
                assert_eq!(self.object(*object).content(), Some(*before), "{effect:?}");
                self.object_mut(*object).kind = Kind::File { content: *after, modified: *modified };
            }
            Effect::TimeSet { object, modified: time } => match &mut self.object_mut(*object).kind {
                Kind::File { modified, .. } => *modified = *time,
                other => panic!("{effect:?}: {other:?}"),
            },
            Effect::ModeSet { object, mode } => self.object_mut(*object).mode = *mode,
            Effect::AttributeSet { object, name, value } => {
                let attributes = &mut self.object_mut(*object).attributes;
                match value {
                    Some(value) => attributes.insert(name.clone(), value.clone()),
                    None => attributes.remove(name),
                };
            }
        }
    }

    fn add_name(&mut self, id: ObjectId, place: &Place) {
        let old = self.entries_mut(place.parent).insert(place.name.clone(), id);
        assert_eq!(old, None, "{place:?}");
        assert!(self.object_mut(id).names.insert(place.clone()), "{place:?}");
    }

    /// Removes a name; the object is removed with its last one.
    fn remove_name(&mut self, id: ObjectId, place: &Place) {
        let object = self.object_mut(id);
        assert!(object.names.remove(place), "{place:?}");
        if object.names.is_empty() {
            let empty = !matches!(&object.kind, Kind::Directory(entries) if !entries.is_empty());
            assert!(empty, "{place:?}");
            self.objects.remove(&id);
        }
        assert_eq!(self.entries_mut(place.parent).remove(&place.name), Some(id), "{place:?}");
    }

    fn move_name(&mut self, id: ObjectId, from: &Place, to: &Place) {
        assert_eq!(self.entries_mut(from.parent).remove(&from.name), Some(id), "{from:?}");
        assert!(self.object_mut(id).names.remove(from), "{from:?}");
        self.add_name(id, to);
    }
}
