//! The one place that reads the process's environment, apart from the argument parser.

use std::{ffi::OsString, os::unix::ffi::OsStringExt, path::PathBuf};

use icecore_access::{PASSWORD_VARIABLES, Surroundings};
use zeroize::Zeroizing;

/// File with certificates to trust, as the AWS command line and the SDKs of AWS know it.
const AWS_CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// Files of the shared AWS configuration, and what they are below the home directory.
const AWS_FILES: [(&str, &str); 2] =
    [("AWS_CONFIG_FILE", ".aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")];

/// Variables by which a program that changes the user says who it was before: by number, or by name.
const FORMER_USERS: [&str; 4] = ["SUDO_UID", "PKEXEC_UID", "SUDO_USER", "DOAS_USER"];

/// Directory of the user.
pub(crate) const HOME: &str = "HOME";

/// Password, as text.
pub(crate) const PASSWORD: &str = PASSWORD_VARIABLES[0];

/// Password of the repository that snapshots are copied to.
const TO_PASSWORD: &str = PASSWORD_VARIABLES[1];

/// Returns the password of the repository. No flag has it: arguments are visible to every user of the
/// machine.
pub(crate) fn password() -> Option<Zeroizing<Vec<u8>>> {
    read(PASSWORD).map(|password| Zeroizing::new(password.into_vec()))
}

/// Returns the password of the repository that snapshots are copied to.
pub(crate) fn destination_password() -> Option<Zeroizing<Vec<u8>>> {
    read(TO_PASSWORD).map(|password| Zeroizing::new(password.into_vec()))
}

/// Returns what other programs say that matters on the way to a repository.
pub(crate) fn surroundings() -> Surroundings {
    let home = read(HOME).map(PathBuf::from).unwrap_or_default();
    let file =
        |(variable, default): (&str, &str)| read(variable).map_or_else(|| home.join(default), PathBuf::from);
    Surroundings {
        aws_ca_bundle: read(AWS_CA_BUNDLE).map(PathBuf::from),
        aws_files: AWS_FILES.into_iter().map(file).collect(),
        former_users: FORMER_USERS.into_iter().filter_map(read).collect(),
    }
}

/// Returns the value of an environment variable, unless it is empty.
#[expect(clippy::disallowed_methods, reason = "this is the place where the environment is read")]
pub(crate) fn read(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
