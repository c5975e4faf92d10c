//! Compares the table of crates in `docs/architecture.md` with the manifests and the charters.

use std::{collections::BTreeMap, fs};

use super::{
    assert_fault, assert_no_faults, markdown,
    workspace::{self, Package},
};

/// Crates that only the named packages may name in their manifests.
const RESERVED: [(&str, &[&str]); 14] = [
    ("rusqlite", &["icecore-catalog"]),
    ("clap", &["icecore-cli"]),
    ("clap_complete", &["icecore-cli"]),
    ("clap_mangen", &["icecore-cli"]),
    ("aws-config", &["icecore-aws"]),
    ("aws-credential-types", &["icecore-aws"]),
    ("aws-lc-rs", &["icecore-format", "icecore-benches"]),
    ("aws-sdk-kms", &["icecore-aws"]),
    ("aws-sdk-s3", &["icecore-aws"]),
    ("aws-smithy-http-client", &["icecore-aws"]),
    ("aws-smithy-runtime-api", &["icecore-aws"]),
    ("aws-smithy-types", &["icecore-aws"]),
    ("aws-types", &["icecore-aws"]),
    ("s3s", &["s3-test-server"]),
];
/// Crates that only tests may use. Any crate above them may, without a row that says so.
const ONLY_FOR_TESTS: [&str; 1] = ["icecore-fixtures"];
/// Prefixes of crate names that only the packages in [`RESERVED`] may use.
const FORBIDDEN_PREFIXES: [&str; 2] = ["aws-", "aws_"];
/// Names without a charter: everything in such a crate belongs elsewhere.
const FORBIDDEN_NAMES: [&str; 5] = ["core", "common", "util", "utils", "shared"];

/// A row of the table.
#[derive(Clone, Debug)]
struct Layer {
    level: u32,
    charter: String,
    uses: Vec<String>,
}

type Layers = BTreeMap<String, Layer>;

fn layers(document: &str) -> Layers {
    let rows = markdown::table(document, &["level", "crate", "charter", "may use"]);
    let count = rows.len();
    let layers: Layers = rows
        .into_iter()
        .map(|row| {
            let uses = markdown::names(&row[3]).iter().map(|name| format!("icecore-{name}")).collect();
            let layer = Layer { level: row[0].parse().unwrap(), charter: row[2].clone(), uses };
            (markdown::unquoted(&row[1]).to_owned(), layer)
        })
        .collect();
    assert_eq!(layers.len(), count, "a crate is in the table twice");
    layers
}

fn membership_faults(layers: &Layers, crates: &[Package]) -> Vec<String> {
    let missing = crates
        .iter()
        .filter(|package| !layers.contains_key(&package.name))
        .map(|package| format!("{} has no row in the table", package.name));
    let stale = layers
        .keys()
        .filter(|name| crates.iter().all(|package| package.name != **name))
        .map(|name| format!("the table has a row for {name}, which is no crate"));
    missing.chain(stale).collect()
}

fn edge_faults(layers: &Layers, crates: &[Package]) -> Vec<String> {
    let mut faults = Vec::new();
    for package in crates {
        let Some(layer) = layers.get(&package.name) else { continue };
        let used: Vec<&String> =
            package.dependencies.iter().filter(|name| name.starts_with("icecore-")).collect();
        for name in &used {
            if layers.get(*name).is_none_or(|other| other.level >= layer.level) {
                faults.push(format!("{} depends on {name}, which is not of a lower level", package.name));
            }
            if !layer.uses.contains(name) && !ONLY_FOR_TESTS.contains(&name.as_str()) {
                faults.push(format!("{} depends on {name}, which the table does not list", package.name));
            }
        }
        for name in layer.uses.iter().filter(|name| !used.contains(name)) {
            faults.push(format!("the table lets {} use {name}, which it does not", package.name));
        }
    }
    faults
}

/// Checks that only tests need the crates that are only for tests.
fn fixture_faults(packages: &[Package]) -> Vec<String> {
    let mut faults = Vec::new();
    for package in packages {
        for name in package.needed.iter().filter(|name| ONLY_FOR_TESTS.contains(&name.as_str())) {
            faults.push(format!("{} may use {name} in tests only", package.name));
        }
    }
    faults
}

fn reserved_faults(packages: &[Package]) -> Vec<String> {
    let mut faults = Vec::new();
    for package in packages {
        for name in &package.dependencies {
            let reserved = RESERVED.iter().find(|(reserved, _)| reserved == name);
            let is_allowed = match reserved {
                Some((_, users)) => users.contains(&package.name.as_str()),
                None => !FORBIDDEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)),
            };
            if !is_allowed {
                faults.push(format!("{} may not depend on {name}", package.name));
            }
        }
    }
    faults
}

fn name_faults(crates: &[Package]) -> Vec<String> {
    let mut faults = Vec::new();
    for Package { name, manifest_path, .. } in crates {
        let bare = name.strip_prefix("icecore-");
        if bare.is_none_or(|bare| FORBIDDEN_NAMES.contains(&bare)) {
            faults.push(format!("{name} is not a name for a crate here"));
        }
        let folder = manifest_path.parent().and_then(|folder| folder.file_name());
        if folder.is_none_or(|folder| folder != name.as_str()) {
            faults.push(format!("{name} lies in a folder of another name"));
        }
    }
    faults
}

/// Returns the first sentence of the documentation at the top of `source`.
fn first_sentence(source: &str) -> String {
    let paragraph: Vec<&str> = source
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    let paragraph = paragraph.join(" ");
    match paragraph.split_once(". ") {
        Some((sentence, _)) => format!("{sentence}."),
        None => paragraph,
    }
}

fn charter_fault(name: &str, layer: &Layer, source: &str) -> Option<String> {
    let sentence = first_sentence(source);
    (sentence != layer.charter)
        .then(|| format!("{name} says {sentence:?} of itself, the table {:?}", layer.charter))
}

#[test]
fn the_table_is_the_workspace() {
    let layers = layers(&workspace::text("docs/architecture.md"));
    let crates = workspace::crates();
    let mut faults = membership_faults(&layers, &crates);
    faults.extend(edge_faults(&layers, &crates));
    faults.extend(name_faults(&crates));
    faults.extend(reserved_faults(&workspace::members()));
    faults.extend(fixture_faults(&workspace::members()));
    for package in &crates {
        let Some(layer) = layers.get(&package.name) else { continue };
        let sources = package.manifest_path.with_file_name("src");
        let source = fs::read_to_string(sources.join("lib.rs"))
            .or_else(|_| fs::read_to_string(sources.join("main.rs")))
            .unwrap();
        faults.extend(charter_fault(&package.name, layer, &source));
    }
    assert_no_faults(&faults);
}

/// Returns a small table and matching crates.
fn example() -> (Layers, Vec<Package>) {
    let table = "| level | crate | charter | may use |\n|---|---|---|---|\n\
        | 0 | `icecore-format` | Decides. | – |\n\
        | 0 | `icecore-fs` | Reads. | – |\n\
        | 1 | `icecore-store` | Stores. | `format` |\n";
    let crates = vec![
        Package::example("icecore-format", &["blake3"]),
        Package::example("icecore-fs", &[]),
        Package::example("icecore-store", &["icecore-format", "tokio"]),
    ];
    (layers(table), crates)
}

#[test]
fn a_fitting_workspace_has_no_faults() {
    let (layers, crates) = example();
    assert_no_faults(&membership_faults(&layers, &crates));
    assert_no_faults(&edge_faults(&layers, &crates));
    assert_no_faults(&name_faults(&crates));
    assert_no_faults(&reserved_faults(&crates));
}

#[test]
fn a_crate_without_row_and_a_row_without_crate_are_found() {
    let (layers, mut crates) = example();
    crates[1] = Package::example("icecore-prune", &[]);
    let faults = membership_faults(&layers, &crates);
    assert_fault(&faults, "icecore-prune has no row");
    assert_fault(&faults, "row for icecore-fs");
}

#[test]
fn edges_upwards_sideways_unlisted_and_stale_are_found() {
    let (mut layers, mut crates) = example();
    crates[0].dependencies.push("icecore-store".to_owned());
    crates[1].dependencies.push("icecore-format".to_owned());
    layers.get_mut("icecore-fs").unwrap().uses = vec!["icecore-format".to_owned()];
    crates[2].dependencies = vec!["icecore-fs".to_owned()];
    let faults = edge_faults(&layers, &crates);
    assert_fault(&faults, "icecore-format depends on icecore-store, which is not of a lower level");
    assert_fault(&faults, "icecore-fs depends on icecore-format, which is not of a lower level");
    assert_fault(&faults, "icecore-store depends on icecore-fs, which the table does not list");
    assert_fault(&faults, "the table lets icecore-store use icecore-format");
}

#[test]
fn fixtures_outside_of_tests_and_below_themselves_are_found() {
    let (mut layers, mut crates) = example();
    let fixtures = Layer { level: 1, charter: "Makes.".to_owned(), uses: Vec::new() };
    layers.insert("icecore-fixtures".to_owned(), fixtures);
    layers.get_mut("icecore-store").unwrap().level = 2;
    crates.push(Package::example("icecore-fixtures", &[]));
    crates[2].dependencies.push("icecore-fixtures".to_owned());
    assert_no_faults(&edge_faults(&layers, &crates));
    assert_no_faults(&fixture_faults(&crates));
    crates[2].needed.push("icecore-fixtures".to_owned());
    assert_fault(&fixture_faults(&crates), "icecore-store may use icecore-fixtures in tests only");
    crates[0].dependencies.push("icecore-fixtures".to_owned());
    let fault = "icecore-format depends on icecore-fixtures, which is not of a lower level";
    assert_fault(&edge_faults(&layers, &crates), fault);
}

#[test]
fn reserved_crates_and_the_aws_sdk_are_found() {
    let crates = [
        Package::example("icecore-repo", &["rusqlite", "aws-sdk-s3"]),
        Package::example("icecore-tests", &["clap"]),
        Package::example("icecore-catalog", &["rusqlite"]),
        Package::example("icecore-aws", &["aws-sdk-s3", "aws-sdk-ec2"]),
    ];
    let faults = reserved_faults(&crates);
    assert_eq!(faults.len(), 4, "{faults:?}");
    assert_fault(&faults, "icecore-aws may not depend on aws-sdk-ec2");
    assert_fault(&faults, "icecore-repo may not depend on rusqlite");
    assert_fault(&faults, "icecore-repo may not depend on aws-sdk-s3");
    assert_fault(&faults, "icecore-tests may not depend on clap");
}

#[test]
fn names_without_charter_are_found() {
    let mut crates = vec![Package::example("icecore-utils", &[]), Package::example("helpers", &[])];
    crates.push(Package { name: "icecore-fs".to_owned(), ..Package::example("icecore-files", &[]) });
    let faults = name_faults(&crates);
    assert_fault(&faults, "icecore-utils is not a name");
    assert_fault(&faults, "helpers is not a name");
    assert_fault(&faults, "icecore-fs lies in a folder");
}

#[test]
fn another_charter_is_found() {
    let (layers, _) = example();
    let layer = &layers["icecore-fs"];
    assert_eq!(charter_fault("icecore-fs", layer, "//! Reads. Really.\n//!\n//! More.\n"), None);
    assert_eq!(charter_fault("icecore-fs", layer, "//! Reads.\n\nmod a;\n"), None);
    assert!(charter_fault("icecore-fs", layer, "//! Reads\n//! much.\n").is_some());
    assert!(charter_fault("icecore-fs", layer, "mod a;\n").is_some());
}
