//! Files of a crate that use each other in a circle.
//!
//! To understand one file of a circle, a reader has to understand all of them. A module and the modules below
//! it are one unit in several files, so uses between them do not count.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    slice,
};

use super::{
    assert_fault, assert_no_faults,
    rust::{Outline, outline},
    workspace,
};

/// Maximum number of imports through which a name is followed: two modules may import everything of each
/// other.
const IMPORTS_MAX: usize = 8;

/// A module: the names from the top of the crate down to it.
type Module = Vec<String>;
/// The modules of a crate that have their own files, with the outlines of their sources.
type Sources = BTreeMap<Module, Outline>;
/// Which modules each module uses.
type Uses = BTreeMap<Module, BTreeSet<Module>>;

/// Returns the modules of the crate whose sources are in `folder`; test modules are not declared in normal
/// builds.
fn sources(folder: &Path) -> Sources {
    let mut sources = Sources::new();
    let mut waiting = vec![Module::new()];
    while let Some(module) = waiting.pop() {
        let path = file_of(folder, &module);
        let text = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("failed to read {}: {error}", path.display()));
        let outline = outline(&text);
        waiting.extend(outline.modules.iter().map(|name| [&module[..], slice::from_ref(name)].concat()));
        sources.insert(module, outline);
    }
    sources
}

fn file_of(folder: &Path, module: &[String]) -> PathBuf {
    if module.is_empty() {
        return folder.join("lib.rs");
    }
    folder.join(module.join("/")).with_extension("rs")
}

fn uses(sources: &Sources) -> Uses {
    let used_by = |module: &Module, outline: &Outline| {
        outline
            .paths
            .iter()
            .filter_map(|path| absolute(sources, module, path))
            .flat_map(|path| on_the_way(sources, path))
            .filter(|used| !is_related(module, used))
            .collect()
    };
    sources.iter().map(|(module, outline)| (module.clone(), used_by(module, outline))).collect()
}

/// Returns a path relative to the top of the crate; none if it leads to another crate.
fn absolute(sources: &Sources, module: &Module, path: &[String]) -> Option<Vec<String>> {
    rooted(sources, module, path).or_else(|| {
        let (first, rest) = path.split_first()?;
        let (_, origin) = sources[module].imports.iter().find(|(name, _)| name == first)?;
        Some([&rooted(sources, module, origin)?, rest].concat())
    })
}

/// Returns a path relative to the top of the crate, if it begins with a keyword or a module's own child.
fn rooted(sources: &Sources, module: &Module, path: &[String]) -> Option<Vec<String>> {
    let child = |name: &str| sources.contains_key(&[&module[..], &[name.to_owned()]].concat());
    let supers = path.iter().skip_while(|name| *name == "self").take_while(|name| *name == "super").count();
    let (start, rest) = match path.first().map(String::as_str) {
        Some("crate") => (0, &path[1..]),
        Some("self") => (module.len().checked_sub(supers)?, &path[1 + supers..]),
        Some("super") => (module.len().checked_sub(supers)?, &path[supers..]),
        Some(first) if child(first) => (module.len(), path),
        _ => return None,
    };
    Some([&module[..start], rest].concat())
}

/// Returns the innermost module on a path. If that module only imports the named item, also returns the
/// modules through which the import leads.
fn on_the_way(sources: &Sources, mut path: Vec<String>) -> Vec<Module> {
    let mut modules = Vec::new();
    while modules.len() < IMPORTS_MAX {
        let depth = (0..=path.len()).rev().find(|depth| sources.contains_key(&path[..*depth])).unwrap_or(0);
        let module = path[..depth].to_vec();
        let imported = path.get(depth).and_then(|wanted| {
            let (_, origin) = sources[&module].imports.iter().find(|(name, _)| name == wanted)?;
            absolute(sources, &module, origin)
        });
        modules.push(module);
        let Some(origin) = imported else { break };
        path = [&origin, &path[depth + 1..]].concat();
    }
    modules
}

/// Returns whether one module is the other, or below it.
fn is_related(left: &[String], right: &[String]) -> bool {
    left.starts_with(right) || right.starts_with(left)
}

/// Returns all modules that `module` uses, directly or through others.
fn reachable(uses: &Uses, module: &Module) -> BTreeSet<Module> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![module];
    while let Some(next) = waiting.pop() {
        waiting.extend(uses[next].iter().filter(|used| found.insert((*used).clone())));
    }
    found
}

/// Describes the circles of a crate, each with the uses that close it.
fn circle_faults(name: &str, sources: &Sources) -> Vec<String> {
    let uses = uses(sources);
    let reachable: Uses = uses.keys().map(|module| (module.clone(), reachable(&uses, module))).collect();
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for module in uses.keys().filter(|module| reachable[*module].contains(*module)) {
        let circle: BTreeSet<&Module> =
            reachable[module].iter().filter(|other| reachable[*other].contains(module)).collect();
        if seen.insert(circle.clone()) {
            let within = |user: &&Module| {
                let used: Vec<String> = uses[*user]
                    .iter()
                    .filter(|used| circle.contains(used))
                    .map(|used| used.join("/"))
                    .collect();
                format!("{} uses {}", user.join("/"), used.join(", "))
            };
            let links: Vec<String> = circle.iter().map(within).collect();
            faults.push(format!("{name} has a circle of {} files: {}", circle.len(), links.join("; ")));
        }
    }
    faults
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let mut faults = Vec::new();
    for package in workspace::crates() {
        let sources = sources(&package.manifest_path.with_file_name("src"));
        assert!(sources.len() > 1, "{} has no modules", package.name);
        faults.extend(circle_faults(&package.name, &sources));
    }
    assert_no_faults(&faults);
}

/// Returns the circles of a crate with these files, each a path without its ending and a text.
fn faults_of(files: &[(&str, &str)]) -> Vec<String> {
    let module = |path: &str| path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let sources = files.iter().map(|(path, text)| (module(path), outline(text))).collect();
    circle_faults("icecore-example", &sources)
}

#[test]
fn files_that_use_each_other_in_one_direction_are_no_circle() {
    let files = [
        ("", "mod a; mod b; mod c; pub use a::A;"),
        ("a", "use crate::{b::B, c::C}; use std::a;"),
        ("b", "use crate::c::C; fn f() { other::a::g(); }"),
        ("c", "use crate::Root; // use crate::a::A;\nconst A: &str = \"crate::a::A\";"),
    ];
    assert_no_faults(&faults_of(&files));
}

#[test]
fn a_circle_of_two_and_of_three_is_found_with_its_links() {
    let files = [
        ("", "mod a; mod b; mod c; mod d; mod e;"),
        ("a", "use crate::b::B;"),
        ("b", "fn f() -> crate::a::A { g() }"),
        ("c", "use crate::{a::A, d::D};"),
        ("d", "use crate::e;"),
        ("e", "use crate::{c::{f::{C, G}, H}, i::J};"),
    ];
    let faults = faults_of(&files);
    assert_eq!(
        faults,
        [
            "icecore-example has a circle of 2 files: a uses b; b uses a",
            "icecore-example has a circle of 3 files: c uses d; d uses e; e uses c",
        ]
    );
}

#[test]
fn a_circle_below_a_module_is_found_through_super_and_self() {
    let files = [
        ("", "mod a; mod b;"),
        ("a", "mod x; mod y; pub use self::x::X;"),
        ("a/x", "use super::{y::{Y, Z}, super::b::B};"),
        ("a/y", "fn f() { super::x::g() }"),
        ("b", "use self::super::a::x::X;"),
    ];
    assert_fault(&faults_of(&files), "a circle of 3 files: a/x uses a/y, b; a/y uses a/x; b uses a/x");
}

#[test]
fn a_circle_through_what_another_module_imports_is_found() {
    let files = [
        ("", "mod a; mod b; mod c; mod d; pub use a::{A as Z};"),
        ("a", "use crate::b::B;"),
        ("b", "use crate::Z; use serde;"),
        ("c", "mod x; mod y; mod z; use x::X;"),
        ("c/x", "use super::y::Y;"),
        ("c/y", "fn f() -> super::X { g() }"),
        ("c/z", "mod w;"),
        ("c/z/w", "use crate::d::D;"),
        ("d", "use crate::c as e; fn f() { e::z::w::g() }"),
    ];
    let faults = faults_of(&files);
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert_fault(&faults, "a circle of 2 files: c/z/w uses d; d uses c/z/w");
    assert_fault(&faults, "a circle of 2 files: a uses b; b uses a");
    assert_fault(&faults, "a circle of 2 files: c/x uses c/y; c/y uses c/x");
}

#[test]
fn a_module_and_its_children_are_no_circle() {
    let files = [
        ("", "mod a; use a::A;"),
        ("a", "mod x; use x::X; fn f() { x::g() }"),
        ("a/x", "mod z; use super::A; use crate::{a::B, C};"),
        ("a/x/z", "use super::super::A; use crate::a::x::X;"),
    ];
    assert_no_faults(&faults_of(&files));
}
