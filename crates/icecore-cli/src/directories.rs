//! The user's directories for configuration, caches and state.

use std::{
    ffi::OsString,
    fs,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use icecore_format::ids::RepositoryId;

use crate::environment_variables;

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

    /// Returns where the generated key file of a repository lies.
    pub(crate) fn generated_key_file(&self, repository: RepositoryId) -> Option<PathBuf> {
        let directory = self.configuration.as_ref()?;
        Some(directory.join(KEYS_DIRECTORY).join(format!("{repository}.key")))
    }
}

fn home_in_passwd(passwd: &[u8], user_id: u32) -> Option<PathBuf> {
    let user_id = user_id.to_string();
    passwd.split(|byte| *byte == b'\n').find_map(|line| {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
        let is_user = fields.get(2) == Some(&user_id.as_bytes());
        let home = fields.get(5).filter(|home| is_user && home.starts_with(b"/"))?;
        Some(PathBuf::from(OsString::from_vec(home.to_vec())))
    })
}

#[cfg(test)]
mod tests;
