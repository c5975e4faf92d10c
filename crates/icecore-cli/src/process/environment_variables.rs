//! The only module that reads the process's environment, except for the argument parser.

use std::{ffi::OsString, os::unix::ffi::OsStringExt, path::PathBuf};

use icecore_access::{PASSWORD_VARIABLES, Surroundings};
use zeroize::Zeroizing;

/// File with trusted certificates, a variable of the AWS command line and the AWS SDKs.
const AWS_CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// Variables of the shared AWS configuration files, and their defaults below the home directory.
const AWS_FILES: [(&str, &str); 2] =
    [("AWS_CONFIG_FILE", ".aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")];

/// Variables in which a program that changes the user stores the previous one: by number, or by name.
const FORMER_USERS: [&str; 4] = ["SUDO_UID", "PKEXEC_UID", "SUDO_USER", "DOAS_USER"];

/// Directory of the user.
pub(crate) const HOME: &str = "HOME";

/// Password, as text.
pub(crate) const PASSWORD: &str = PASSWORD_VARIABLES[0];

/// Password of the destination of a copy.
const TO_PASSWORD: &str = PASSWORD_VARIABLES[1];

/// Returns the password of the repository. No option has it: every user of the machine can see arguments.
pub(crate) fn password() -> Option<Zeroizing<Vec<u8>>> {
    read(PASSWORD).map(|password| Zeroizing::new(password.into_vec()))
}

/// Returns the password of the destination of a copy.
pub(crate) fn destination_password() -> Option<Zeroizing<Vec<u8>>> {
    read(TO_PASSWORD).map(|password| Zeroizing::new(password.into_vec()))
}

/// Returns relevant variables of other programs for the access to a repository.
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
