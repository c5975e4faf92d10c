//! Finds and reads the configuration file.

use std::{fs, io, path::Path};

use icecore_access::{CredentialSource, Directories};
use icecore_policy::Configuration;

use crate::failure::{Failure, Outcome, reason};

const SYSTEM_FILE: &str = "/etc/icecore/icecore.toml";
/// What to do about a table whose name ends too early.
const TABLE_NAME: &str = "a table begins with [ and ends with ] on one line; write names with spaces or dots in quotation \
                          marks, such as [sources.\"web server\"]";
const USER_FILE: &str = "icecore.toml";

/// Reads the configuration file: the given one, else the system's, else the user's; the first that exists
/// counts.
pub(crate) fn read(named: Option<&Path>, directories: &Directories) -> Outcome<Configuration> {
    if let Some(path) = named {
        return read_file(path)?.ok_or_else(|| {
            Failure::usage(format!("the configuration file {} does not exist", path.display()))
                .hint("check --config and ICECORE_CONFIG")
        });
    }
    let user_file = directories.configuration.as_ref().map(|directory| directory.join(USER_FILE));
    for path in [Some(Path::new(SYSTEM_FILE)), user_file.as_deref()].into_iter().flatten() {
        if let Some(configuration) = read_file(path)? {
            return Ok(configuration);
        }
    }
    Ok(Configuration::default())
}

fn read_file(path: &Path) -> Outcome<Option<Configuration>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(Failure::io("read the configuration file", path, &error)),
    };
    let wrong = |why: String| {
        let is_table = why.contains("unclosed table");
        Failure::usage(format!("the configuration file {} is invalid: {why}", path.display()))
            .hint(if is_table { TABLE_NAME } else { "docs/configuration.md lists the settings" })
    };
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    Configuration::parse(&text).map(Some).map_err(|error| wrong(reason(&error)))
}

/// Returns the credential of a configuration.
pub(crate) fn credential(configuration: &Configuration) -> Option<CredentialSource> {
    use icecore_policy::UnlockMethod;
    configuration.unlock.clone().map(|method| match method {
        UnlockMethod::PasswordFile(path) => CredentialSource::PasswordFile(path),
        UnlockMethod::PasswordCommand(command) => CredentialSource::PasswordCommand(command.into()),
        UnlockMethod::KeyFile(path) => CredentialSource::KeyFile(path),
    })
}

#[cfg(test)]
mod tests;
