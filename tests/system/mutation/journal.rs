//! The changes of the tree, call by call.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};

use super::{
    content::Content,
    state::{Kind, ObjectId, Place, State},
};

/// Kind of a step, an action of users or programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    CreateFile,
    CreateSparseFile,
    RewriteInPlace,
    RewriteWithTimePutBack,
    Append,
    Truncate,
    TruncateAndWrite,
    Replace,
    ReplaceWithSameTime,
    MoveFile,
    SwapFiles,
    ChangeKind,
    Link,
    BreakLink,
    RewriteLinks,
    ReplaceSymlink,
    SetMode,
    SetAttribute,
    Unlink,
    MakeEmptyDirectory,
    RemoveTree,
    RenameDirectoryAndBack,
    Deploy,
    FillThenRename,
    MoveDirectory,
    TurnInsideOut,
}

/// Effect of one change on the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// A new object at a free place; a file or a directory is empty.
    Created { object: ObjectId, place: Place, kind: Kind, mode: u32 },
    /// Another name of a file.
    Linked { object: ObjectId, place: Place },
    /// A removed name; an object without names no longer exists.
    Unlinked { object: ObjectId, place: Place },
    /// A new name instead of an old one; the object that had the new name loses it at the same moment.
    Renamed { object: ObjectId, from: Place, to: Place, replaced: Option<ObjectId> },
    /// Other content of a file, by many calls: between begin and end, it may be any mixture, with any time.
    Written { object: ObjectId, before: Content, after: Content, modified: (i64, i64) },
    /// Another time of modification of a file.
    TimeSet { object: ObjectId, modified: (i64, i64) },
    /// Other permission bits.
    ModeSet { object: ObjectId, mode: u32 },
    /// An extended attribute set, or removed.
    AttributeSet { object: ObjectId, name: String, value: Option<String> },
}

/// One change, and its time.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// Number of the record, from 0.
    pub(super) sequence: u64,
    /// Number of its step, from 0.
    pub(super) step: u64,
    pub(super) operation: Operation,
    /// Just before the first system call; time since the beginning of the mutator's clock.
    pub(super) started: Duration,
    /// Just after the last system call.
    pub(super) finished: Duration,
    /// Paths before the change: the names that change (from, to), otherwise all names of the object.
    pub(super) paths: Vec<String>,
    pub(super) effect: Effect,
}

/// All changes, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal {
    pub(super) records: Vec<Record>,
}

impl Journal {
    /// Returns the tree after the last record.
    pub(super) fn last_state(&self) -> State {
        let mut state = State::new();
        for record in &self.records {
            state.apply(&record.effect);
        }
        state
    }

    /// Writes one JSON object for each record, each on its own line.
    pub(super) fn write(&self, path: &Path) {
        let lines: Vec<String> = self.records.iter().map(|record| record.json().to_string()).collect();
        fs::write(path, lines.join("\n") + "\n").unwrap();
    }
}

impl Effect {
    /// Returns the paths of the change, in the tree before it.
    pub(super) fn paths(&self, state: &State) -> Vec<String> {
        match self {
            Self::Created { place, .. } | Self::Linked { place, .. } | Self::Unlinked { place, .. } => {
                vec![state.path(place)]
            }
            Self::Renamed { from, to, .. } => vec![state.path(from), state.path(to)],
            Self::Written { object, .. }
            | Self::TimeSet { object, .. }
            | Self::ModeSet { object, .. }
            | Self::AttributeSet { object, .. } => state.paths_of(*object),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Created { object, place, kind, mode } => {
                let (kind, more) = kind_json(kind);
                let mode = format!("{mode:04o}");
                json!({"effect": "created", "object": object, "place": place_json(place), "kind": kind,
                    "mode": mode, "more": more})
            }
            Self::Linked { object, place } => {
                json!({"effect": "linked", "object": object, "place": place_json(place)})
            }
            Self::Unlinked { object, place } => {
                json!({"effect": "unlinked", "object": object, "place": place_json(place)})
            }
            Self::Renamed { object, from, to, replaced } => {
                json!({"effect": "renamed", "object": object, "from": place_json(from),
                    "to": place_json(to), "replaced": replaced})
            }
            Self::Written { object, before, after, modified } => {
                json!({"effect": "written", "object": object, "before": content_json(before),
                    "after": content_json(after), "modified": modified})
            }
            Self::TimeSet { object, modified } => {
                json!({"effect": "time-set", "object": object, "modified": modified})
            }
            Self::ModeSet { object, mode } => {
                json!({"effect": "mode-set", "object": object, "mode": format!("{mode:04o}")})
            }
            Self::AttributeSet { object, name, value } => {
                json!({"effect": "attribute-set", "object": object, "name": name, "value": value})
            }
        }
    }
}

impl Record {
    fn json(&self) -> Value {
        let mut value = self.effect.json();
        value["sequence"] = self.sequence.into();
        value["step"] = self.step.into();
        value["operation"] = format!("{:?}", self.operation).into();
        value["started"] = (self.started.as_nanos() as u64).into();
        value["finished"] = (self.finished.as_nanos() as u64).into();
        value["paths"] = self.paths.clone().into();
        value
    }
}

fn place_json(place: &Place) -> Value {
    json!({"parent": place.parent, "name": place.name})
}

fn content_json(content: &Content) -> Value {
    json!({"file": content.file, "generation": content.generation, "records": content.records,
        "layout": content.layout.letter().to_string()})
}

fn kind_json(kind: &Kind) -> (&'static str, Value) {
    match kind {
        Kind::Directory(_) => ("directory", Value::Null),
        Kind::File { content, modified } => {
            ("file", json!({"content": content_json(content), "modified": modified}))
        }
        Kind::Symlink(target) => ("symlink", json!({"target": target})),
        Kind::Fifo => ("fifo", Value::Null),
    }
}
