//! Passwords and key files: their sources, and the order of these sources.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use icecore_format::{ids::RepositoryId, slot::Credential};
use zeroize::Zeroizing;

use crate::{
    error::{AccessError, AccessResult},
    events::{AccessEvents, AccessNotice, Prompt},
    key_file::{self, SECRET_FILE_BYTES_MAX},
    origin::{CredentialOrigin, SecretFileKind},
};

/// Environment variables that hold passwords, as text: for the repository, and for the destination of a copy.
/// Commands that print a password do not get them.
pub const PASSWORD_VARIABLES: [&str; 2] = ["ICECORE_PASSWORD", "ICECORE_TO_PASSWORD"];

/// Source of a password or key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialSource {
    /// A key file.
    KeyFile(PathBuf),
    /// A file that holds a password.
    PasswordFile(PathBuf),
    /// A command that prints a password.
    PasswordCommand(OsString),
    /// The password itself, from the environment.
    Password(Zeroizing<Vec<u8>>),
}

impl CredentialSource {
    /// Returns the user's word for it.
    fn name(&self) -> &'static str {
        match self {
            Self::KeyFile(_) => "a key file",
            Self::PasswordFile(_) => "a password file",
            Self::PasswordCommand(_) => "a password command",
            Self::Password(_) => "a password",
        }
    }
}

/// All given credentials, by where they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenCredentials {
    /// On the command line.
    pub command_line: Vec<CredentialSource>,
    /// In the environment.
    pub environment: Vec<CredentialSource>,
    /// In the configuration file.
    pub configuration: Vec<CredentialSource>,
}

impl GivenCredentials {
    /// Returns the files that hold keys and passwords.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let all = [&self.command_line, &self.environment, &self.configuration].into_iter().flatten();
        all.filter_map(|source| match source {
            CredentialSource::KeyFile(path) | CredentialSource::PasswordFile(path) => Some(path.as_path()),
            CredentialSource::PasswordCommand(_) | CredentialSource::Password(_) => None,
        })
    }

    /// Returns the source that counts: the command line comes before the environment, which comes before the
    /// configuration file.
    pub fn choose(&self) -> AccessResult<Option<&CredentialSource>> {
        Ok(self.choose_with_origin()?.map(|(source, _)| source))
    }

    /// Returns the source that counts, and where it was given.
    pub fn choose_with_origin(&self) -> AccessResult<Option<(&CredentialSource, CredentialOrigin)>> {
        let places = [
            (&self.command_line, CredentialOrigin::CommandLine),
            (&self.environment, CredentialOrigin::Environment),
            (&self.configuration, CredentialOrigin::Configuration),
        ];
        let Some((given, origin)) = places.into_iter().find(|(given, _)| !given.is_empty()) else {
            return Ok(None);
        };
        match given.as_slice() {
            [source] => Ok(Some((source, origin))),
            several => {
                let names = several.iter().map(CredentialSource::name).collect();
                Err(AccessError::SeveralCredentials { names, origin })
            }
        }
    }
}

/// Reads a credential from its source; a key file must not belong to another repository than `repository`.
pub fn load(
    source: &CredentialSource,
    repository: RepositoryId,
    events: &dyn AccessEvents,
) -> AccessResult<Credential> {
    match source {
        CredentialSource::KeyFile(path) => {
            let file = key_file::read(path, events)?;
            if let Some(found) = file.repository.filter(|found| *found != repository) {
                return Err(AccessError::ForeignKeyFile { path: path.clone(), found, repository });
            }
            Ok(Credential::KeyFile(file.secret))
        }
        CredentialSource::PasswordFile(path) => {
            let mut bytes = key_file::read_secret_file(path, SecretFileKind::Password, events)?;
            strip_line_end(&mut bytes);
            password(bytes, AccessError::PasswordFileEmpty)
        }
        CredentialSource::PasswordCommand(command) => {
            password(run_password_command(command)?, AccessError::PasswordCommandSilent)
        }
        CredentialSource::Password(bytes) => password(bytes.clone(), AccessError::PasswordEmpty),
    }
}

fn password(bytes: Zeroizing<Vec<u8>>, if_empty: AccessError) -> AccessResult<Credential> {
    if bytes.is_empty() { Err(if_empty) } else { Ok(Credential::Password(bytes)) }
}

/// Removes one line end, which editors and `echo` append to a password.
fn strip_line_end(bytes: &mut Zeroizing<Vec<u8>>) {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
}

fn run_password_command(command: &OsStr) -> AccessResult<Zeroizing<Vec<u8>>> {
    // Errors do not repeat the command: it may have a secret in its arguments.
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).stdin(Stdio::null()).stdout(Stdio::piped());
    for variable in PASSWORD_VARIABLES {
        shell.env_remove(variable);
    }
    let mut child = shell.spawn().map_err(AccessError::PasswordCommand)?;
    let mut output = Zeroizing::new(Vec::with_capacity(SECRET_FILE_BYTES_MAX as usize + 1));
    if let Some(pipe) = child.stdout.take() {
        let mut pipe = pipe.take(SECRET_FILE_BYTES_MAX + 1);
        pipe.read_to_end(&mut output).map_err(AccessError::PasswordCommand)?;
    }
    let status = child.wait().map_err(AccessError::PasswordCommand)?;
    if output.len() as u64 > SECRET_FILE_BYTES_MAX {
        return Err(AccessError::PasswordCommandTooLong { bytes_max: SECRET_FILE_BYTES_MAX });
    }
    if !status.success() {
        return Err(AccessError::PasswordCommandFailed(status));
    }
    strip_line_end(&mut output);
    Ok(output)
}

/// Asks for a password.
pub fn ask(prompt: &dyn Prompt, text: &str) -> AccessResult<Zeroizing<Vec<u8>>> {
    prompt.password(text).map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => AccessError::Interrupted,
        io::ErrorKind::UnexpectedEof => AccessError::NoPasswordEntered,
        _ => AccessError::Prompt(error),
    })
}

/// Asks for a new password until it was entered twice in the same way; returns none for an empty one.
pub fn ask_new(
    prompt: &dyn Prompt,
    text: &str,
    events: &dyn AccessEvents,
) -> AccessResult<Option<Zeroizing<Vec<u8>>>> {
    loop {
        let first = ask(prompt, text)?;
        if first.is_empty() {
            return Ok(None);
        }
        if first == ask(prompt, "Repeat the password: ")? {
            return Ok(Some(first));
        }
        events.notice(AccessNotice::PasswordsDiffer);
    }
}

#[cfg(test)]
mod tests;
