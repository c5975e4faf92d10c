//! Passwords and key files: where they come from, and in which order.

use std::{
    ffi::{OsStr, OsString},
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use icecore_format::{ids::RepositoryId, slot::Credential};
use zeroize::Zeroizing;

use crate::{
    failure::{Failure, Outcome, exit_status::ExitStatus, reason},
    key_file::{self, SECRET_FILE_BYTES_MAX},
    process::environment_variables,
    surface::console::Console,
};

/// A place that a password or key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CredentialSource {
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
    /// Returns how the user named it.
    fn name(&self) -> &'static str {
        match self {
            Self::KeyFile(_) => "a key file",
            Self::PasswordFile(_) => "a password file",
            Self::PasswordCommand(_) => "a password command",
            Self::Password(_) => "a password",
        }
    }
}

/// Everything that was given, by where it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GivenCredentials {
    /// On the command line.
    pub(crate) command_line: Vec<CredentialSource>,
    /// In the environment.
    pub(crate) environment: Vec<CredentialSource>,
    /// In the configuration file.
    pub(crate) configuration: Vec<CredentialSource>,
}

impl GivenCredentials {
    /// Returns the files that hold keys and passwords.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let all = [&self.command_line, &self.environment, &self.configuration].into_iter().flatten();
        all.filter_map(|source| match source {
            CredentialSource::KeyFile(path) | CredentialSource::PasswordFile(path) => Some(path.as_path()),
            CredentialSource::PasswordCommand(_) | CredentialSource::Password(_) => None,
        })
    }

    /// Returns the one that counts: the command line comes before the environment, that before the configuration file.
    pub(crate) fn choose(&self) -> Outcome<Option<&CredentialSource>> {
        Ok(self.choose_with_place()?.map(|(source, _)| source))
    }

    /// Returns the one that counts, and where it was given.
    pub(crate) fn choose_with_place(&self) -> Outcome<Option<(&CredentialSource, &'static str)>> {
        let places = [
            (&self.command_line, "on the command line"),
            (&self.environment, "in the environment"),
            (&self.configuration, "in the configuration file"),
        ];
        let Some((given, place)) = places.into_iter().find(|(given, _)| !given.is_empty()) else {
            return Ok(None);
        };
        match given.as_slice() {
            [source] => Ok(Some((source, place))),
            several => {
                let names: Vec<&str> = several.iter().map(CredentialSource::name).collect();
                let message = format!("both {} are given {place}", names.join(" and "));
                Err(Failure::usage(message).hint("give only one of them"))
            }
        }
    }
}

/// Reads a credential from its source; a key file must not belong to another repository than `repository`.
pub(crate) fn load(
    source: &CredentialSource,
    repository: RepositoryId,
    console: &Console,
) -> Outcome<Credential> {
    match source {
        CredentialSource::KeyFile(path) => {
            let file = key_file::read(path, console)?;
            if let Some(other) = file.repository.filter(|found| *found != repository) {
                let message = format!(
                    "the key file {} is for the repository {other}, this one is {repository}",
                    path.display()
                );
                return Err(
                    Failure::new(ExitStatus::WrongKey, message).hint("give the key file of this repository")
                );
            }
            Ok(Credential::KeyFile(file.secret))
        }
        CredentialSource::PasswordFile(path) => {
            let mut bytes = key_file::read_secret_file(path, "password file", console)?;
            strip_line_end(&mut bytes);
            password(bytes, "the password file is empty")
        }
        CredentialSource::PasswordCommand(command) => {
            password(run_password_command(command)?, "the password command printed nothing")
        }
        CredentialSource::Password(bytes) => password(bytes.clone(), "the password is empty"),
    }
}

fn password(bytes: Zeroizing<Vec<u8>>, if_empty: &str) -> Outcome<Credential> {
    if bytes.is_empty() {
        Err(Failure::new(ExitStatus::Failed, if_empty))
    } else {
        Ok(Credential::Password(bytes))
    }
}

/// Removes one line end, which editors and `echo` put behind a password.
fn strip_line_end(bytes: &mut Zeroizing<Vec<u8>>) {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
}

fn run_password_command(command: &OsStr) -> Outcome<Zeroizing<Vec<u8>>> {
    // The command itself is not repeated in messages: it may have a secret in its arguments.
    let failed = |why: String| {
        Failure::new(ExitStatus::Failed, format!("the password command failed: {why}"))
            .hint("it is run with `sh -c` and must print the password")
    };
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(command)
        .env_remove(environment_variables::PASSWORD)
        .env_remove(environment_variables::TO_PASSWORD)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(reason(&error)))?;
    let mut output = Zeroizing::new(Vec::with_capacity(SECRET_FILE_BYTES_MAX as usize + 1));
    if let Some(pipe) = child.stdout.take() {
        pipe.take(SECRET_FILE_BYTES_MAX + 1)
            .read_to_end(&mut output)
            .map_err(|error| failed(reason(&error)))?;
    }
    let status = child.wait().map_err(|error| failed(reason(&error)))?;
    if output.len() as u64 > SECRET_FILE_BYTES_MAX {
        return Err(failed(format!("it printed more than {SECRET_FILE_BYTES_MAX} bytes")));
    }
    if !status.success() {
        return Err(failed(status.to_string()));
    }
    strip_line_end(&mut output);
    Ok(output)
}

/// Says whether somebody can be asked for a password.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() || io::stderr().is_terminal()
}

/// Asks for a password on the terminal.
pub(crate) fn ask(prompt: &str) -> Outcome<Zeroizing<Vec<u8>>> {
    match rpassword::prompt_password(prompt) {
        Ok(password) => Ok(Zeroizing::new(password.into_bytes())),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(Failure::interrupted()),
        Err(error) => Err(Failure::new(
            ExitStatus::Failed,
            format!("failed to ask for the password: {}", reason(&error)),
        )),
    }
}

/// Asks for a new password until it was entered twice alike; an empty one is returned as none.
pub(crate) fn ask_new(prompt: &str, console: &Console) -> Outcome<Option<Zeroizing<Vec<u8>>>> {
    loop {
        let first = ask(prompt)?;
        if first.is_empty() {
            return Ok(None);
        }
        if first == ask("Once more: ")? {
            return Ok(Some(first));
        }
        console.notice("the two were different");
    }
}

/// Makes the failure of a command that was given no password, where nobody can be asked for one.
pub(crate) fn none_given(generated: Option<&Path>) -> Failure {
    let looked = generated.map(|path| format!(" (there is no {})", path.display())).unwrap_or_default();
    Failure::new(ExitStatus::WrongKey, format!("no key or password is given for the repository{looked}")).hint(
        "use --key-file, --password-file, --password-command, or ICECORE_KEY_FILE, ICECORE_PASSWORD_FILE, \
         ICECORE_PASSWORD_COMMAND or ICECORE_PASSWORD; on a terminal the password is asked for",
    )
}

#[cfg(test)]
mod tests;
