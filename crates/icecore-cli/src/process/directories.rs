//! Finds the user's directories for configuration, caches and state.

use std::{fs, path::PathBuf};

use icecore_access::directories::{Directories, home_in_passwd};

use crate::process::environment_variables;

/// Finds the directories by the XDG Base Directory Specification.
///
/// Services are often started without `HOME`. The home directory in `/etc/passwd` is used then, so a service
/// finds the key file that was generated in a shell.
pub(crate) fn find() -> Directories {
    let home = environment_variables::read(environment_variables::HOME).map(PathBuf::from).or_else(|| {
        let passwd = fs::read("/etc/passwd").ok()?;
        home_in_passwd(&passwd, rustix::process::getuid().as_raw())
    });
    let variables = ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"].map(environment_variables::read);
    Directories::from_values(variables, home.as_deref())
}
