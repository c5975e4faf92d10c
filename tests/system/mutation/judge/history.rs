//! The objects that existed according to the journal, and when.
//!
//! State *n* of the tree is the state after *n* records, so record *n* leads to state *n* + 1.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use crate::mutation::{
    content::Content,
    journal::{Effect, Journal, Record},
    runner::Taken,
    state::{Kind, ObjectId, Place},
};

/// Extended attributes by their names.
pub(super) type Attributes = BTreeMap<Vec<u8>, Vec<u8>>;

/// The states and the records during a backup.
#[derive(Debug)]
pub(super) struct Window {
    first: usize,
    last: usize,
}

impl Window {
    pub(super) fn new(journal: &Journal, taken: &Taken) -> Self {
        let before = |is_before: &dyn Fn(&Record) -> bool| journal.records.partition_point(is_before);
        Self {
            first: before(&|record| record.finished <= taken.started),
            last: before(&|record| record.started < taken.finished),
        }
    }

    /// Returns the indices of the records that overlap the backup.
    pub(super) fn records(&self) -> Range<usize> {
        self.first..self.last
    }

    /// Returns the states during the backup in which the object existed.
    pub(super) fn states_of(&self, past: &Past) -> Range<usize> {
        self.first.max(past.life.start)..(self.last + 1).min(past.life.end)
    }

    /// Returns whether something existed in some state during the backup.
    fn meets(&self, states: &Range<usize>) -> bool {
        states.start <= self.last && states.end > self.first
    }

    /// Returns whether something existed in all states during the backup.
    pub(super) fn is_within(&self, states: &Range<usize>) -> bool {
        states.start <= self.first && states.end > self.last
    }
}

/// A property in each state: each value with the first state that has it.
#[derive(Debug)]
pub(super) struct Steps<T>(Vec<(usize, T)>);

impl<T> Steps<T> {
    fn new(state: usize, value: T) -> Self {
        Self(vec![(state, value)])
    }

    /// Returns the value in a state in which the object exists.
    pub(super) fn at(&self, state: usize) -> &T {
        let number = self.0.partition_point(|(from, _)| *from <= state);
        &self.0[number - 1].1
    }

    fn set(&mut self, state: usize, value: T) {
        self.0.push((state, value));
    }
}

/// Kind of an object, with properties that cannot change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Nature {
    Directory,
    File,
    Symlink(String),
    Fifo,
}

impl Nature {
    /// Returns its word in listings.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::File => "file",
            Self::Symlink(_) => "symlink",
            Self::Fifo => "fifo",
        }
    }
}

/// Properties that only files have.
#[derive(Debug)]
pub(super) struct FilePast {
    pub(super) contents: Steps<Content>,
    /// Times of modification.
    pub(super) times: Steps<(i64, i64)>,
}

/// Everything about an object, at all times.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) object: ObjectId,
    pub(super) nature: Nature,
    /// States in which it had a name.
    pub(super) life: Range<usize>,
    pub(super) modes: Steps<u32>,
    pub(super) attributes: Steps<Attributes>,
    pub(super) file: Option<FilePast>,
    /// Indices of the records about it.
    pub(super) records: Vec<usize>,
    names: usize,
}

impl Past {
    fn new(object: ObjectId, state: usize, kind: &Kind, mode: u32) -> Self {
        let (nature, file) = match kind {
            Kind::Directory(_) => (Nature::Directory, None),
            Kind::File { content, modified } => {
                let (contents, times) = (Steps::new(state, *content), Steps::new(state, *modified));
                (Nature::File, Some(FilePast { contents, times }))
            }
            Kind::Symlink(target) => (Nature::Symlink(target.clone()), None),
            Kind::Fifo => (Nature::Fifo, None),
        };
        Self {
            object,
            nature,
            life: state..usize::MAX,
            modes: Steps::new(state, mode),
            attributes: Steps::new(state, Attributes::new()),
            file,
            records: Vec::new(),
            names: 0,
        }
    }
}

/// An object at a place, and the states in which it was there.
#[derive(Debug)]
pub(super) struct Stay {
    pub(super) object: ObjectId,
    pub(super) states: Range<usize>,
}

/// An object that a path may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    pub(super) object: ObjectId,
    /// Whether it, or a directory above it, was renamed or unlinked during the backup, or replaced another
    /// object.
    pub(super) has_moved: bool,
}

/// All objects and all names of all times.
#[derive(Debug)]
pub(super) struct History {
    pub(super) objects: BTreeMap<ObjectId, Past>,
    /// By directory and name, in the order of time.
    pub(super) names: BTreeMap<ObjectId, BTreeMap<String, Vec<Stay>>>,
}

impl History {
    pub(super) fn new(journal: &Journal) -> Self {
        let root = Past {
            object: 0,
            nature: Nature::Directory,
            life: 0..usize::MAX,
            modes: Steps::new(0, 0o755),
            attributes: Steps::new(0, Attributes::new()),
            file: None,
            records: Vec::new(),
            names: 1,
        };
        let mut history = Self { objects: BTreeMap::from([(0, root)]), names: BTreeMap::new() };
        for (index, record) in journal.records.iter().enumerate() {
            history.add(index, &record.effect);
        }
        history
    }

    fn add(&mut self, index: usize, effect: &Effect) {
        let state = index + 1;
        match effect {
            Effect::Created { object, place, kind, mode } => {
                self.objects.insert(*object, Past::new(*object, state, kind, *mode));
                self.arrive(*object, place, state);
            }
            Effect::Linked { object, place } => self.arrive(*object, place, state),
            Effect::Unlinked { object, place } => self.leave(*object, place, state),
            Effect::Renamed { object, from, to, replaced } => {
                if let Some(replaced) = replaced {
                    self.leave(*replaced, to, state);
                }
                // In this order, because an object without names no longer exists.
                self.arrive(*object, to, state);
                self.leave(*object, from, state);
            }
            Effect::Written { object, after, modified, .. } => {
                let file = self.about(*object, state).file.as_mut().unwrap();
                file.contents.set(state, *after);
                file.times.set(state, *modified);
            }
            Effect::TimeSet { object, modified } => {
                self.about(*object, state).file.as_mut().unwrap().times.set(state, *modified);
            }
            Effect::ModeSet { object, mode } => self.about(*object, state).modes.set(state, *mode),
            Effect::AttributeSet { object, name, value } => {
                let past = self.about(*object, state);
                let mut attributes = past.attributes.at(state).clone();
                match value {
                    Some(value) => attributes.insert(name.clone().into(), value.clone().into()),
                    None => attributes.remove(name.as_bytes()),
                };
                past.attributes.set(state, attributes);
            }
        }
    }

    /// Returns the object of the record before this state.
    fn about(&mut self, object: ObjectId, state: usize) -> &mut Past {
        let past = self.objects.get_mut(&object).unwrap();
        if past.records.last() != Some(&(state - 1)) {
            past.records.push(state - 1);
        }
        past
    }

    fn arrive(&mut self, object: ObjectId, place: &Place, state: usize) {
        self.about(object, state).names += 1;
        let stays = self.names.entry(place.parent).or_default().entry(place.name.clone()).or_default();
        stays.push(Stay { object, states: state..usize::MAX });
    }

    fn leave(&mut self, object: ObjectId, place: &Place, state: usize) {
        let past = self.about(object, state);
        past.names -= 1;
        if past.names == 0 {
            past.life.end = state;
        }
        let stays = self.names.get_mut(&place.parent).and_then(|names| names.get_mut(&place.name)).unwrap();
        let stay = stays.iter_mut().rfind(|stay| stay.object == object).unwrap();
        stay.states.end = state;
    }

    /// Returns the objects that the root's path may name.
    pub(super) fn root() -> Vec<Candidate> {
        vec![Candidate { object: 0, has_moved: false }]
    }

    /// Returns the objects that a name may have, in a directory that may be one of several.
    pub(super) fn candidates_below(
        &self,
        above: &[Candidate],
        name: &str,
        window: &Window,
    ) -> Vec<Candidate> {
        let mut found = BTreeSet::new();
        for directory in above {
            let stays = self.names.get(&directory.object).and_then(|names| names.get(name));
            for stay in stays.into_iter().flatten().filter(|stay| window.meets(&stay.states)) {
                let has_left = window.records().contains(&(stay.states.end - 1));
                let has_begun = window.records().contains(&(stay.states.start - 1));
                let has_come = has_begun && self.objects[&stay.object].life.start < stay.states.start;
                // Something else was there before.
                let is_other = |other: &Stay| other.object != stay.object && window.meets(&other.states);
                let is_instead = has_begun
                    && stays
                        .into_iter()
                        .flatten()
                        .any(|other| is_other(other) && other.states.end <= stay.states.start);
                let has_moved = directory.has_moved || has_left || has_come || is_instead;
                found.insert(Candidate { object: stay.object, has_moved });
            }
        }
        found.into_iter().collect()
    }
}
