//! The capabilities of this machine, for tests with special requirements.

use std::{ffi::OsString, process::Command};

/// Returns the value of an environment variable that controls the tests.
#[expect(clippy::disallowed_methods, reason = "the variables are for the tests themselves")]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Returns the number in an environment variable that controls the tests, or `otherwise`.
pub(crate) fn number(name: &str, otherwise: u64) -> u64 {
    variable(name).map_or(otherwise, |number| number.to_str().unwrap().parse().unwrap())
}

/// Reports that a test, or a part of it, cannot run here, and why.
pub(crate) fn skip(reason: &str) {
    println!("SKIPPED: {reason}");
}

/// Skips because a tool is missing; fails instead if `ICECORE_TESTS_TOOLS_REQUIRED` promises that all tools
/// are installed.
#[track_caller]
pub(crate) fn skip_for_tool(reason: &str) {
    assert!(
        variable("ICECORE_TESTS_TOOLS_REQUIRED").is_none(),
        "a tool is missing that must be here: {reason}"
    );
    skip(reason);
}

/// Returns whether the tests run as root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns whether a program is installed; reports if it is not.
pub(crate) fn check_tool(name: &str) -> bool {
    let found = Command::new(name).arg("--version").output().is_ok();
    if !found {
        skip_for_tool(&format!("there is no {name}"));
    }
    found
}

/// Runs another program, which must succeed, and returns its output.
#[track_caller]
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("failed to run {command:?}: {error}"));
    let shown = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{command:?}: {}\n{}\n{}", output.status, shown[0], shown[1]);
    let [stdout, _] = shown;
    stdout
}
