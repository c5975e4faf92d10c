//! Builds the program once for all tests.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;

use super::machine;

/// Returns the path of the program, built in the profile that these tests are built in.
///
/// `ICECORE_TESTS_BINARY` names one that is built already.
pub(super) fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| machine::variable("ICECORE_TESTS_BINARY").map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    // target/PROFILE/deps/system-HASH
    let test = env::current_exe().unwrap();
    let profile_directory = test.ancestors().nth(2).unwrap();
    let profile = match profile_directory.file_name().unwrap().to_str().unwrap() {
        "debug" => "dev",
        name => name,
    };
    let output = Command::new(env!("CARGO"))
        .args(["build", "--package", "icecore-cli", "--bin", "icecore", "--profile", profile])
        .args(["--message-format", "json-render-diagnostics", "--target-dir"])
        .arg(profile_directory.parent().unwrap())
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "failed to build the program");
    let output = String::from_utf8(output.stdout).unwrap();
    let artifact = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    };
    output.lines().find_map(artifact).expect("cargo names the executable")
}
