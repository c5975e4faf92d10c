//! Shows that the journal describes the tree exactly.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::{Arc, atomic::Ordering},
    thread,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    content::{Content, Layout},
    journal::{Effect, Journal, Operation},
    mutator::{Control, Mutator},
    state::{Kind, Object, ROOT, State},
};
use crate::harness::{self, Sandbox};

const STEPS: u64 = 4000;
const SEEDS: u64 = 3;

/// Properties of an object that the journal decides.
#[derive(Debug, PartialEq, Eq)]
struct Described {
    /// As in `st_mode`.
    mode: u32,
    /// Hash of the content, or target.
    content: Vec<u8>,
    size: u64,
    /// Of files only.
    modified: Option<(i64, i64)>,
    attributes: BTreeMap<Vec<u8>, Vec<u8>>,
    first_link: Vec<u8>,
}

fn described(object: &Object, path: &str, names: &[String]) -> Described {
    let (format, content, size, modified) = match &object.kind {
        Kind::Directory(_) => (0o040_000, Vec::new(), 0, None),
        Kind::File { content, modified } => {
            let hash = blake3::hash(&content.bytes()).as_bytes().to_vec();
            (0o100_000, hash, content.length(), Some(*modified))
        }
        Kind::Symlink(target) => (0o120_000, target.clone().into_bytes(), target.len() as u64, None),
        Kind::Fifo => (0o010_000, Vec::new(), 0, None),
    };
    let bytes = |text: &String| text.clone().into_bytes();
    let attributes = object.attributes.iter().map(|(name, value)| (bytes(name), bytes(value))).collect();
    let first = names.iter().min_by_key(|name| name.split('/').collect::<Vec<&str>>());
    let first_link = first.map_or(path, String::as_str).as_bytes().to_vec();
    Described { mode: format | object.mode, content, size, modified, attributes, first_link }
}

fn expected(state: &State) -> BTreeMap<Vec<u8>, Described> {
    let mut tree = BTreeMap::new();
    for (id, object) in &state.objects {
        let names = state.paths_of(*id);
        for path in &names {
            tree.insert(path.clone().into_bytes(), described(object, path, &names));
        }
    }
    tree
}

fn found(root: &Path) -> BTreeMap<Vec<u8>, Described> {
    let is_ours = |(name, _): &(Vec<u8>, Vec<u8>)| name.starts_with(b"user.");
    let describe = |object: harness::Object| Described {
        mode: object.mode,
        content: object.content,
        size: object.size,
        modified: (object.mode & 0o170_000 == 0o100_000).then_some(object.modified),
        attributes: object.attributes.into_iter().filter(is_ours).collect(),
        first_link: object.first_link,
    };
    harness::read(root).into_iter().map(|(path, object)| (path, describe(object))).collect()
}

/// Returns the differences between the tree at `root` and a state, one line for each path.
pub(super) fn differences_from(state: &State, root: &Path) -> Vec<String> {
    let (expected, found) = (expected(state), found(root));
    let paths: BTreeSet<&Vec<u8>> = expected.keys().chain(found.keys()).collect();
    paths
        .into_iter()
        .filter(|path| expected.get(*path) != found.get(*path))
        .map(|path| {
            let shown = String::from_utf8_lossy(path);
            format!("{shown}: {:?}, not {:?}", found.get(path), expected.get(path))
        })
        .collect()
}

#[track_caller]
fn assert_tree_is_as_noted(journal: &Journal, root: &Path) {
    let differences = differences_from(&journal.last_state(), root);
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

fn mutated(sandbox: &Sandbox, seed: u64, steps: u64) -> Mutator {
    let mut mutator = Mutator::new(&sandbox.source(""), seed);
    for _ in 0..steps {
        mutator.step();
    }
    mutator
}

#[test]
fn the_tree_is_what_the_journal_says() {
    for seed in 0..SEEDS {
        let sandbox = Sandbox::in_memory();
        let mut mutator = mutated(&sandbox, seed, STEPS / 2);
        assert_tree_is_as_noted(mutator.journal(), &sandbox.source(""));
        for _ in 0..STEPS / 2 {
            mutator.step();
        }
        assert_tree_is_as_noted(mutator.journal(), &sandbox.source(""));
        assert_eq!(&mutator.journal().last_state(), mutator.state());
        let done: BTreeSet<Operation> =
            mutator.journal().records.iter().map(|record| record.operation).collect();
        let attributes = usize::from(mutator.has_attributes());
        assert_eq!(done.len(), 25 + attributes, "{done:?}");
    }
}

#[test]
fn the_tree_has_everything_that_makes_backups_hard() {
    let sandbox = Sandbox::in_memory();
    let mutator = mutated(&sandbox, 5, STEPS);
    let objects = &mutator.state().objects;
    let number = |wanted: &dyn Fn(&Object) -> bool| objects.values().filter(|one| wanted(one)).count();
    assert!(number(&|one| one.names.len() > 1) > 5);
    assert!(number(&|one| matches!(one.kind, Kind::Symlink(_))) > 2);
    assert!(number(&|one| matches!(one.kind, Kind::Fifo)) > 0);
    assert!(number(&|one| matches!(&one.kind, Kind::Directory(entries) if entries.is_empty())) > 0);
    assert!(number(&|one| one.content().is_some_and(|content| content.layout == Layout::Sparse)) > 2);
    let depth = objects.keys().map(|id| mutator.state().depth(*id)).max();
    assert!(depth > Some(4), "{depth:?}");
    // Some paths had three kinds, one after the other.
    let mut kinds: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for record in &mutator.journal().records {
        if let Effect::Created { kind, .. } = &record.effect {
            let kind = match kind {
                Kind::Directory(_) => "directory",
                Kind::File { .. } => "file",
                Kind::Symlink(_) => "symlink",
                Kind::Fifo => "fifo",
            };
            kinds.entry(&record.paths[0]).or_default().insert(kind);
        }
    }
    let several = kinds.values().filter(|kinds| kinds.len() > 2).count();
    assert!(several >= 3, "{several}");
}

#[test]
fn every_file_says_its_content() {
    let sandbox = Sandbox::in_memory();
    let mutator = mutated(&sandbox, 6, STEPS);
    let (mut seen, mut last) = (0, Vec::new());
    for (id, object) in &mutator.state().objects {
        let Some(content) = object.content() else { continue };
        assert_eq!(content.file, *id);
        let bytes = fs::read(sandbox.source(&mutator.state().paths_of(*id)[0])).unwrap();
        let expected = (content.records > 0).then_some(content);
        assert_eq!(Content::recognise(&bytes), Ok(expected));
        if bytes.len() > 64 && last.len() > 64 {
            let mixed = [&last[..64], &bytes[64..]].concat();
            Content::recognise(&mixed).unwrap_err();
            Content::recognise(&bytes[..bytes.len() - 1]).unwrap_err();
            Content::recognise(&bytes[64..]).unwrap_err();
        }
        (seen, last) = (seen + 1, bytes);
    }
    assert!(seen > 50, "{seen}");
}

/// Returns all states of a file while one content is turned into another one.
fn states(before: Content, after: Content) -> Vec<Vec<u8>> {
    let mut states = vec![before.bytes()];
    for (offset, piece) in after.pieces_after(&before) {
        let (mut state, end) = (states.last().unwrap().clone(), offset as usize + piece.len());
        state.resize(state.len().max(end), 0);
        state[offset as usize..end].copy_from_slice(&piece);
        states.push(state);
    }
    states.push(after.bytes());
    states
}

#[test]
fn what_is_half_written_is_known_from_what_is_torn() {
    let content = |generation, records, layout| Content { file: 7, generation, records, layout };
    for layout in [Layout::Dense, Layout::Sparse] {
        for (before, after) in [(800, 800), (0, 700), (900, 500), (500, 1001)] {
            let (before, after) = (content(1, before, layout), content(2, after, layout));
            let states = states(before, after);
            assert!(states.iter().all(|state| after.is_between(&before, state)));
            if layout == Layout::Dense {
                // A reader that reads half of the file before most of it is written, and the rest afterwards.
                let (mut early, late) = (states[1].clone(), &states[states.len() - 2]);
                let half = late.len() / 2;
                early.resize(half.max(early.len()), 0);
                let torn = [&early[..half], &late[half..]].concat();
                assert!(!after.is_between(&before, &torn), "{before:?} {after:?}");
            }
        }
        let (before, after) = (content(1, 100, layout), content(1, 330, layout));
        assert!(states(before, after).iter().all(|state| after.is_between(&before, state)));
        assert!(!after.is_between(&before, &content(1, 90, layout).bytes()));
    }
}

#[test]
fn holes_are_holes() {
    let sandbox = Sandbox::in_memory();
    let mut mutator = Mutator::new(&sandbox.source(""), 1);
    let place = super::state::Place { parent: ROOT, name: "sparse".to_owned() };
    mutator.create_file(&place, 64 * 8 + 3, Layout::Sparse);
    let path = sandbox.source("sparse");
    let bytes = fs::read(&path).unwrap();
    assert_eq!(bytes.len(), 64 * (64 * 8 + 3));
    assert!(bytes[4096..12288].iter().all(|byte| *byte == 0));
    assert!(bytes[12288..].starts_with(b"0000000000000001 "));
    assert!(bytes[7 * 4096..].iter().all(|byte| *byte == 0));
    let tree = harness::read(&sandbox.source(""));
    let held: u64 = tree[b"sparse".as_slice()].extents.iter().map(|(begin, end)| end - begin).sum();
    assert!(held < bytes.len() as u64, "{held}");
    assert_tree_is_as_noted(mutator.journal(), &sandbox.source(""));
}

#[test]
fn one_seed_makes_the_same_changes() {
    let changes = |seed| {
        let sandbox = Sandbox::in_memory();
        let mutator = mutated(&sandbox, seed, STEPS / 8);
        let records = mutator.journal().records.iter();
        records.map(|record| (record.step, record.operation, record.paths.clone())).collect::<Vec<_>>()
    };
    assert_eq!(changes(3), changes(3));
    assert_ne!(changes(3), changes(4));
}

#[test]
fn a_mutator_on_its_own_thread_stops_and_has_noted_everything() {
    let sandbox = Sandbox::in_memory();
    let mut mutator = Mutator::new(&sandbox.source(""), 8);
    let control = Arc::new(Control::default());
    let mutating = thread::spawn({
        let control = Arc::clone(&control);
        move || {
            mutator.run_until(&control);
            mutator
        }
    });
    while control.steps.load(Ordering::Relaxed) < STEPS / 8 && !mutating.is_finished() {
        thread::yield_now();
    }
    control.stop.store(true, Ordering::Relaxed);
    let mutator = mutating.join().unwrap();
    assert_tree_is_as_noted(mutator.journal(), &sandbox.source(""));
    let records = &mutator.journal().records;
    assert!(records.iter().all(|record| record.started <= record.finished));
    assert!(records.windows(2).all(|pair| pair[0].finished <= pair[1].started));
}

#[test]
fn the_journal_is_written_as_lines_of_json() {
    let (sandbox, directory) = (Sandbox::in_memory(), TempDir::new().unwrap());
    let mutator = mutated(&sandbox, 9, STEPS / 8);
    let path = directory.path().join("journal");
    mutator.journal().write(&path);
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), mutator.journal().records.len());
    for (number, (line, record)) in lines.iter().zip(&mutator.journal().records).enumerate() {
        assert_eq!(line["sequence"], number);
        assert_eq!(line["paths"][0].as_str(), Some(record.paths[0].as_str()));
        assert_eq!(line["operation"], format!("{:?}", record.operation));
        assert!(line["effect"].is_string(), "{line}");
    }
}
