//! The one place that reads the process's environment, apart from the argument parser.

use std::ffi::OsString;

/// Password, as text. No flag has it: arguments are visible to every user of the machine.
pub(crate) const PASSWORD: &str = "ICECORE_PASSWORD";

/// Password of the repository that snapshots are copied to.
pub(crate) const TO_PASSWORD: &str = "ICECORE_TO_PASSWORD";

/// Returns the value of an environment variable, unless it is empty.
#[expect(clippy::disallowed_methods, reason = "this is the place where the environment is read")]
pub(crate) fn read(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
