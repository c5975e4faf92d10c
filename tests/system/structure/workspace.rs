//! Reads the workspace from cargo and from the files of the checkout.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// A package as `cargo metadata` shows it.
#[derive(Clone, Debug)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) manifest_path: PathBuf,
    /// Names of the packages in its manifest, of every kind (normal, build, dev), without repetition.
    pub(super) dependencies: Vec<String>,
    /// Those that are not only for its own tests.
    pub(super) needed: Vec<String>,
}

impl Package {
    /// Returns a package of the workspace that depends on `dependencies`, for testing a check with a broken
    /// workspace.
    pub(super) fn example(name: &str, dependencies: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            manifest_path: PathBuf::from(format!("/example/{name}/Cargo.toml")),
            dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
            needed: Vec::new(),
        }
    }

    fn from_json(package: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let names = |is_wanted: fn(&Value) -> bool| {
            let named = package["dependencies"].as_array().unwrap().iter();
            let mut names: Vec<String> = named
                .filter(|dependency| is_wanted(dependency))
                .map(|dependency| text(&dependency["name"]))
                .collect();
            names.sort();
            names.dedup();
            names
        };
        Self {
            name: text(&package["name"]),
            manifest_path: text(&package["manifest_path"]).into(),
            dependencies: names(|_| true),
            needed: names(|dependency| dependency["kind"] != "dev"),
        }
    }
}

/// Returns the top of the checkout.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Returns the text of the file at `path`, relative to the top of the checkout.
pub(super) fn text(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("failed to read {}: {error}", path.display()))
}

/// Returns the TOML document at `path`, relative to the top of the checkout.
pub(super) fn toml(path: &str) -> toml::Table {
    text(path).parse().unwrap_or_else(|error| panic!("failed to parse {path}: {error}"))
}

/// Returns the packages of the workspace.
pub(super) fn members() -> Vec<Package> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--no-deps"]).current_dir(root());
    let metadata: Value = serde_json::from_str(&output(&mut command)).unwrap();
    metadata["packages"].as_array().unwrap().iter().map(Package::from_json).collect()
}

/// Returns the packages of the workspace below `crates/`.
pub(super) fn crates() -> Vec<Package> {
    let folder = root().join("crates");
    members().into_iter().filter(|package| package.manifest_path.starts_with(&folder)).collect()
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("failed to run {command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
