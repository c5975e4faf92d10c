//! The one place that reads the process's environment, apart from the argument parser.

use std::ffi::OsString;

/// Password, as text. No flag has it: arguments are visible to every user of the machine.
pub(crate) const PASSWORD: &str = "ICECORE_PASSWORD";

/// Password of the repository that snapshots are copied to.
pub(crate) const TO_PASSWORD: &str = "ICECORE_TO_PASSWORD";

/// File with certificates to trust, as the AWS command line and the SDKs of AWS know it.
pub(crate) const AWS_CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// Files of the shared AWS configuration, and what they are below the home directory.
pub(crate) const AWS_FILES: [(&str, &str); 2] =
    [("AWS_CONFIG_FILE", ".aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")];

/// Directory of the user.
pub(crate) const HOME: &str = "HOME";

/// Returns the value of an environment variable, unless it is empty.
#[expect(clippy::disallowed_methods, reason = "this is the place where the environment is read")]
pub(crate) fn read(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
