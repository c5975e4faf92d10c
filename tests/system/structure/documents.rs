//! The top level, the decision records and the list of dependencies.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use super::{
    assert_fault, assert_no_faults, markdown,
    workspace::{self, Package},
};

const REQUIRED: [&str; 7] = ["Cargo.toml", "README.md", "benches", "crates", "docs", "fuzz", "tests"];
const ALLOWED: [&str; 10] = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "SECURITY.md",
    "clippy.toml",
    "deny.toml",
    "rust-toolchain.toml",
    "rustfmt.toml",
];

/// Returns the names of the entries of the directory at `path`, relative to the top of the checkout.
fn entries(path: &str) -> BTreeSet<String> {
    fs::read_dir(workspace::root().join(path))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Returns whether a line of `.gitignore` names `entry` at the top level; supports names with one star at
/// either end.
fn is_ignored(ignore: &str, entry: &str) -> bool {
    ignore.lines().map(|line| line.trim_start_matches('/').trim_end_matches('/')).any(|pattern| {
        match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            _ if pattern.is_empty() => false,
            (Some(end), _) => entry.ends_with(end),
            (_, Some(start)) => entry.starts_with(start),
            _ => entry == pattern,
        }
    })
}

fn top_level_faults(entries: &BTreeSet<String>, ignore: &str) -> Vec<String> {
    let missing = REQUIRED
        .iter()
        .filter(|name| !entries.contains(**name))
        .map(|name| format!("the top level lacks {name}"));
    let extra = entries
        .iter()
        .map(String::as_str)
        .filter(|name| !name.starts_with('.') && !is_ignored(ignore, name))
        .filter(|name| !REQUIRED.contains(name) && !ALLOWED.contains(name))
        .map(|name| format!("{name} does not belong on the top level"));
    missing.chain(extra).collect()
}

#[test]
fn the_top_level_is_as_designed() {
    assert_no_faults(&top_level_faults(&entries("."), &workspace::text(".gitignore")));
}

#[test]
fn a_wrong_top_level_is_found() {
    let mut entries: BTreeSet<String> = REQUIRED.iter().map(|&name| name.to_owned()).collect();
    entries.extend([".ci", "LICENSE-MIT", "target", "perf.data.old", "a.profraw"].map(str::to_owned));
    let ignore = "/target\n*.profraw\nperf.data*\n";
    assert_no_faults(&top_level_faults(&entries, ignore));
    entries.remove("README.md");
    entries.insert("src".to_owned());
    let faults = top_level_faults(&entries, ignore);
    assert_fault(&faults, "lacks README.md");
    assert_fault(&faults, "src does not belong");
}

/// Checks that the records are `0001-….md`, `0002-….md` and so on, and that `index` links to each.
fn record_faults(entries: &BTreeSet<String>, index: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (position, name) in entries.iter().filter(|name| *name != "README.md").enumerate() {
        let expected = format!("{:04}-", position + 1);
        if !name.starts_with(&expected) || name.rsplit_once('.').is_none_or(|(_, end)| end != "md") {
            faults.push(format!("the decision record {name} should begin with {expected} and end with .md"));
        }
        if !index.contains(&format!("]({name})")) {
            faults.push(format!("the decision record {name} is not in the list"));
        }
    }
    faults
}

#[test]
fn decision_records_are_numbered_without_gaps() {
    let entries = entries("docs/decisions");
    assert!(entries.contains("README.md") && entries.len() > 1, "there are no decision records");
    assert_no_faults(&record_faults(&entries, &workspace::text("docs/decisions/README.md")));
}

#[test]
fn gaps_twins_and_unlisted_records_are_found() {
    let index = "[a](0001-a.md) [b](0002-b.md) [c](0004-c.md)";
    let records = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    assert_no_faults(&record_faults(&records(&["README.md", "0001-a.md", "0002-b.md"]), index));
    assert_fault(&record_faults(&records(&["0001-a.md", "0002-b.md", "0004-c.md"]), index), "with 0003-");
    assert_fault(&record_faults(&records(&["0001-a.md", "0001-b.md"]), index), "with 0002-");
    assert_fault(&record_faults(&records(&["0001-z.md"]), index), "not in the list");
}

/// The parts of `docs/dependencies.md` that can be checked: for each row, the version and the users.
type Dependencies = BTreeMap<String, (String, Vec<String>)>;

/// Returns the crates that `manifest`, the root one, shares with the workspace, and which `members` use them.
fn shared_dependencies(manifest: &toml::Table, members: &[Package]) -> Dependencies {
    let shared = manifest["workspace"]["dependencies"].as_table().unwrap();
    let version = |value: &toml::Value| {
        let version = value.as_str().or_else(|| value.get("version")?.as_str())?;
        Some(version.to_owned())
    };
    let users = |name: &String| {
        let mut users: Vec<String> = members
            .iter()
            .filter(|package| package.dependencies.contains(name))
            .map(|package| package.name.trim_start_matches("icecore-").to_owned())
            .collect();
        users.sort();
        users
    };
    shared.iter().filter_map(|(name, value)| Some((name.clone(), (version(value)?, users(name))))).collect()
}

fn listed_dependencies(document: &str) -> Dependencies {
    let rows = markdown::table(document, &["crate", "version", "licence", "used by", "reason"]);
    let row = |row: Vec<String>| {
        assert!(!row[4].is_empty(), "{} is there without a reason", row[0]);
        (markdown::unquoted(&row[0]).to_owned(), (row[1].clone(), markdown::names(&row[3])))
    };
    rows.into_iter().map(row).collect()
}

fn dependency_faults(shared: &Dependencies, listed: &Dependencies) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, (version, users)) in shared {
        if users.is_empty() {
            faults.push(format!("{name} is in the root manifest, but nobody uses it"));
        }
        let Some((listed_version, listed_users)) = listed.get(name) else {
            faults.push(format!("docs/dependencies.md has no row for {name}"));
            continue;
        };
        if version != listed_version {
            faults.push(format!("{name} is required as {version}, listed as {listed_version}"));
        }
        if users != listed_users {
            let (users, listed) = (users.join(", "), listed_users.join(", "));
            faults.push(format!("{name} is used by \"{users}\", listed as used by \"{listed}\""));
        }
    }
    for name in listed.keys().filter(|name| !shared.contains_key(*name)) {
        faults.push(format!("docs/dependencies.md has a row for {name}, which the root manifest has not"));
    }
    faults
}

/// Checks that every package takes its dependencies from the root manifest: one place for versions.
fn inheritance_faults(name: &str, manifest: &toml::Table) -> Vec<String> {
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .iter()
        .filter_map(|section| manifest.get(*section)?.as_table())
        .flatten()
        .filter(|(_, value)| value.get("workspace").and_then(toml::Value::as_bool) != Some(true))
        .map(|(dependency, _)| format!("{name} does not take {dependency} from the root manifest"))
        .collect()
}

#[test]
fn every_dependency_is_listed_with_its_users() {
    let members = workspace::members();
    let shared = shared_dependencies(&workspace::toml("Cargo.toml"), &members);
    let mut faults =
        dependency_faults(&shared, &listed_dependencies(&workspace::text("docs/dependencies.md")));
    for package in &members {
        let manifest: toml::Table = workspace::text(&package.manifest_path).parse().unwrap();
        faults.extend(inheritance_faults(&package.name, &manifest));
    }
    assert_no_faults(&faults);
}

#[test]
fn wrong_lists_of_dependencies_are_found() {
    let manifest = "[workspace.dependencies]\nicecore-a = { path = \"a\" }\nzstd = { version = \"0.14\" }\nbytes = \"1\"\nidle = \"2\"\n";
    let members =
        [Package::example("icecore-a", &["bytes", "zstd"]), Package::example("icecore-b", &["zstd"])];
    let shared = shared_dependencies(&manifest.parse().unwrap(), &members);
    let header = "| crate | version | licence | used by | reason |\n|---|---|---|---|---|\n";
    let rows = "| `zstd` | 0.13 | BSD-3-Clause | a | fast |\n| `gone` | 1 | MIT | a | once |\n";
    let faults = dependency_faults(&shared, &listed_dependencies(&format!("{header}{rows}")));
    assert_fault(&faults, "no row for bytes");
    assert_fault(&faults, "row for gone");
    assert_fault(&faults, "zstd is required as 0.14, listed as 0.13");
    assert_fault(&faults, "zstd is used by \"a, b\", listed as used by \"a\"");
    assert_fault(&faults, "idle is in the root manifest, but nobody uses it");
    let own = "[dependencies]\nzstd.workspace = true\n[dev-dependencies]\nbytes = \"1\"\n".parse().unwrap();
    let faults = inheritance_faults("icecore-a", &own);
    assert_eq!(faults, ["icecore-a does not take bytes from the root manifest"]);
}
