//! The user's directories for configuration, caches and state.

use std::{
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use icecore_format::ids::RepositoryId;

/// Directory of generated key files in the user's configuration directory.
pub const KEYS_DIRECTORY: &str = "keys";

/// Directories of this user's files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directories {
    /// Configuration and generated key files; none if no home directory is known.
    pub configuration: Option<PathBuf>,
    /// Catalogues; none if no home directory is known.
    pub cache: Option<PathBuf>,
    /// State about repositories; none if no home directory is known.
    pub state: Option<PathBuf>,
}

impl Directories {
    /// Returns the directories by the XDG Base Directory Specification: from the values of `XDG_CONFIG_HOME`,
    /// `XDG_CACHE_HOME` and `XDG_STATE_HOME`, and the user's home directory.
    pub fn from_values([configuration, cache, state]: [Option<OsString>; 3], home: Option<&Path>) -> Self {
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

    /// Returns the directories of another user with this home directory, without any variables.
    pub fn of_home(home: &Path) -> Self {
        Self::from_values([None, None, None], Some(home))
    }

    /// Returns the path of the generated key file of a repository.
    pub fn generated_key_file(&self, repository: RepositoryId) -> Option<PathBuf> {
        let directory = self.configuration.as_ref()?;
        Some(directory.join(KEYS_DIRECTORY).join(format!("{repository}.key")))
    }
}

/// Finds the home directory of a user in the text of `/etc/passwd`.
pub fn home_in_passwd(passwd: &[u8], user_id: u32) -> Option<PathBuf> {
    users(passwd).into_iter().find(|user| user.id == user_id).map(|user| user.home)
}

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Name.
    pub name: OsString,
    /// User id.
    pub id: u32,
    /// Home directory, absolute.
    pub home: PathBuf,
}

/// Returns the users in the text of `/etc/passwd` who have a home directory.
pub fn users(passwd: &[u8]) -> Vec<User> {
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
