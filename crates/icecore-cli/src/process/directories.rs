//! The user's directories for configuration, caches and state.

use std::{
    ffi::OsString,
    fs,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use icecore_format::ids::RepositoryId;

use crate::process::environment_variables;

/// Where generated key files lie in the user's configuration directory.
pub(crate) const KEYS_DIRECTORY: &str = "keys";

/// Where this user's files are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Directories {
    /// Configuration and generated key files; none if no home directory is known.
    pub(crate) configuration: Option<PathBuf>,
    /// Catalogues; none if no home directory is known.
    pub(crate) cache: Option<PathBuf>,
    /// What is remembered of repositories; none if no home directory is known.
    pub(crate) state: Option<PathBuf>,
}

impl Directories {
    /// Finds the directories by the XDG Base Directory Specification.
    ///
    /// Services are often started without `HOME`; the home directory in `/etc/passwd` is taken then, so that a service
    /// finds the key file that was generated in a shell.
    pub(crate) fn find() -> Self {
        let home = environment_variables::read("HOME").map(PathBuf::from).or_else(|| {
            let passwd = fs::read("/etc/passwd").ok()?;
            home_in_passwd(&passwd, rustix::process::getuid().as_raw())
        });
        let variable = |name| environment_variables::read(name);
        let variables = [variable("XDG_CONFIG_HOME"), variable("XDG_CACHE_HOME"), variable("XDG_STATE_HOME")];
        Self::from_values(variables, home.as_deref())
    }

    fn from_values([configuration, cache, state]: [Option<OsString>; 3], home: Option<&Path>) -> Self {
        // The specification says to ignore relative paths.
        let absolute = |value: Option<OsString>| value.map(PathBuf::from).filter(|path| path.is_absolute());
        let home = home.filter(|home| home.is_absolute());
        let place = |value, default| {
            absolute(value).or_else(|| home.map(|home| home.join(default))).map(|path| path.join("icecore"))
        };
        Self {
            configuration: place(configuration, ".config"),
            cache: place(cache, ".cache"),
            state: place(state, ".local/state"),
        }
    }

    /// Returns the directories of another user with this home directory, who sets no variables.
    pub(crate) fn of_home(home: &Path) -> Self {
        Self::from_values([None, None, None], Some(home))
    }

    /// Returns where the generated key file of a repository lies.
    pub(crate) fn generated_key_file(&self, repository: RepositoryId) -> Option<PathBuf> {
        let directory = self.configuration.as_ref()?;
        Some(directory.join(KEYS_DIRECTORY).join(format!("{repository}.key")))
    }
}

/// Finds the home directory of a user in the text of `/etc/passwd`.
fn home_in_passwd(passwd: &[u8], user_id: u32) -> Option<PathBuf> {
    users(passwd).into_iter().find(|user| user.id == user_id).map(|user| user.home)
}

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    /// Name.
    pub(crate) name: OsString,
    /// User id.
    pub(crate) id: u32,
    /// Home directory, absolute.
    pub(crate) home: PathBuf,
}

/// Returns the users in the text of `/etc/passwd` who have a home directory.
pub(crate) fn users(passwd: &[u8]) -> Vec<User> {
    let lines = passwd.split(|byte| *byte == b'\n');
    let users = lines.filter_map(|line| {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
        let [name, _, id, _, _, home, ..] = fields.as_slice() else { return None };
        let id = str::from_utf8(id).ok()?.parse().ok()?;
        let text = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        home.starts_with(b"/").then(|| User { name: text(name), id, home: text(home).into() })
    });
    users.collect()
}

#[cfg(test)]
mod tests;
