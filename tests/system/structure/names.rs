//! Public types of two crates that have the same name.
//!
//! A reader takes one word for one thing. Where two types are the same thing on two levels, they may share
//! the name; the list says why.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{assert_fault, assert_no_faults, workspace};

/// Names that two crates may have, and why.
const SHARED: [(&str, &str); 8] = [
    ("BackupReport", "of the engine for one source, and of the operation for all"),
    ("BackupRequest", "of the engine for one source, and of the operation for all"),
    ("CopyReport", "of the engine for one snapshot, and of the operation for all"),
    ("CopyRequest", "of the engine for one snapshot, and of the operation for all"),
    ("EntryKind", "kinds of objects in a file system and in a manifest; the crates do not know each other"),
    ("Environment", "time and randomness; that of a repository has threads as well"),
    ("NoEvents", "each engine has its own trait of events"),
    ("RestoreRequest", "of the engine, and of the operation that finds the snapshot for it"),
];

/// Crates by the names of their public types.
type Owners = BTreeMap<String, BTreeSet<String>>;

fn owners() -> Owners {
    let mut owners = Owners::new();
    for package in workspace::crates() {
        let folder = package.manifest_path.with_file_name("src");
        let mut waiting = vec![folder];
        while let Some(folder) = waiting.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if is_of_tests(&path) {
                    continue;
                }
                if path.is_dir() {
                    waiting.push(path);
                    continue;
                }
                let text = fs::read_to_string(&path).unwrap_or_default();
                for name in text.lines().filter_map(public_type) {
                    owners.entry(name.to_owned()).or_default().insert(package.name.clone());
                }
            }
        }
    }
    owners
}

fn is_of_tests(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == "tests")
}

/// Returns the name of the public type that a line declares.
fn public_type(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("pub ")?;
    let rest = ["struct ", "enum ", "trait ", "type "].iter().find_map(|word| rest.strip_prefix(word))?;
    rest.split(|letter: char| !letter.is_alphanumeric()).next()
}

fn faults(owners: &Owners, shared: &[(&str, &str)]) -> Vec<String> {
    let is_shared = |name: &str| shared.iter().any(|(shared, _)| *shared == name);
    let doubles = owners.iter().filter(|(_, crates)| crates.len() > 1);
    let found = doubles.filter(|(name, _)| !is_shared(name)).map(|(name, crates)| {
        let crates = crates.iter().map(String::as_str).collect::<Vec<_>>().join(" and ");
        format!("{crates} both have a public type {name}: give one of them another name")
    });
    let is_double = |name: &str| owners.get(name).is_some_and(|crates| crates.len() > 1);
    let unneeded = shared.iter().filter(|(name, _)| !is_double(name));
    found
        .chain(unneeded.map(|(name, _)| format!("{name} is in one crate only: remove it from the list")))
        .collect()
}

#[test]
fn a_name_is_for_one_thing() {
    assert_no_faults(&faults(&owners(), &SHARED));
}

#[test]
fn doubles_and_unneeded_exceptions_are_found() {
    let crates = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let owners = Owners::from([
        ("Look".to_owned(), crates(&["icecore-fs", "icecore-operations"])),
        ("Entry".to_owned(), crates(&["icecore-format"])),
    ]);
    assert_fault(&faults(&owners, &[]), "icecore-fs and icecore-operations both have a public type Look");
    assert_fault(&faults(&owners, &[("Entry", "")]), "Entry is in one crate only");
    assert_no_faults(&faults(&owners, &[("Look", "")]));
}

#[test]
fn declarations_are_read() {
    assert_eq!(public_type("    pub struct Walk<'a> {"), Some("Walk"));
    assert_eq!(public_type("pub enum Level {"), Some("Level"));
    for other in ["pub(crate) struct Walk;", "pub fn walk()", "struct Walk;", "/// pub struct Walk"] {
        assert_eq!(public_type(other), None, "{other}");
    }
}
