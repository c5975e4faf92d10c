//! Options of all commands.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::{ArgAction, ArgMatches, Args, ValueEnum, ValueHint, parser::ValueSource};
use icecore_policy::ProgressMode;
use zeroize::Zeroizing;

use crate::{
    console::Verbosity,
    credentials::{CredentialSource, GivenCredentials},
};

const HEADING: &str = "Global options";

/// Options of all commands.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = HEADING)]
pub(crate) struct GlobalArguments {
    /// Place of the repository: `/path` or `file:///path`
    #[arg(
        short,
        long,
        global = true,
        value_name = "URL",
        env = "ICECORE_REPOSITORY", value_hint = ValueHint::DirPath,
        hide_env_values = true
    )]
    pub(crate) repository: Option<OsString>,
    /// Key file that unlocks the repository
    #[arg(long, global = true, value_name = "FILE", env = "ICECORE_KEY_FILE", value_hint = ValueHint::FilePath, hide_env_values = true)]
    key_file: Option<OsString>,
    /// File that holds the password; one line end at its end is ignored
    ///
    /// The password itself can be in the environment variable `ICECORE_PASSWORD`. If nothing is given, the key file that
    /// `--init` generated is used; if there is none, the password is asked for on the terminal.
    #[arg(long, global = true, value_name = "FILE", env = "ICECORE_PASSWORD_FILE", value_hint = ValueHint::FilePath, hide_env_values = true)]
    password_file: Option<OsString>,
    /// Command that prints the password; run by `sh -c`
    #[arg(
        long,
        global = true,
        value_name = "COMMAND",
        env = "ICECORE_PASSWORD_COMMAND", value_hint = ValueHint::CommandString,
        hide_env_values = true
    )]
    password_command: Option<OsString>,
    /// Configuration file (default: /etc/icecore/icecore.toml, then icecore/icecore.toml in the user's
    /// configuration directory)
    #[arg(long, global = true, value_name = "FILE", env = "ICECORE_CONFIG", value_hint = ValueHint::FilePath, hide_env_values = true)]
    config: Option<OsString>,
    /// Directory of the catalogue, which is a cache (default: icecore in the user's cache directory)
    #[arg(long, global = true, value_name = "DIR", env = "ICECORE_CACHE_DIR", value_hint = ValueHint::DirPath, hide_env_values = true)]
    cache_dir: Option<OsString>,
    /// Write the result as one JSON document
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How progress is shown, on standard error (default: auto)
    #[arg(long, global = true, value_name = "MODE", value_enum)]
    progress: Option<ProgressArgument>,
    /// Show failures only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Show what the program decides; twice for everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProgressArgument {
    /// Bars on a terminal, nothing otherwise
    Auto,
    /// A line of text every few seconds
    Plain,
    /// A line of JSON every second
    Json,
    /// Nothing
    None,
}

impl GlobalArguments {
    /// Forgets what comes from environment variables that are set to nothing.
    pub(crate) fn ignore_empty_environment(&mut self, matches: &ArgMatches) {
        let from_environment = |id| origin(matches, id) == Some(ValueSource::EnvVariable);
        let values = [
            ("repository", &mut self.repository),
            ("key_file", &mut self.key_file),
            ("password_file", &mut self.password_file),
            ("password_command", &mut self.password_command),
            ("config", &mut self.config),
            ("cache_dir", &mut self.cache_dir),
        ];
        for (id, value) in values {
            if from_environment(id) {
                value.take_if(|value| value.is_empty());
            }
        }
    }

    /// Returns the configuration file that was named.
    pub(crate) fn config(&self) -> Option<&Path> {
        self.config.as_deref().map(Path::new)
    }

    /// Returns the cache directory that was named.
    pub(crate) fn cache_directory(&self) -> Option<PathBuf> {
        self.cache_dir.as_ref().map(PathBuf::from)
    }

    /// Returns how much is told.
    pub(crate) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, 1) => Verbosity::Verbose,
            _ => Verbosity::Debug,
        }
    }

    /// Returns how progress is shown, if that was said.
    pub(crate) fn progress(&self) -> Option<ProgressMode> {
        self.progress.map(|mode| match mode {
            ProgressArgument::Auto => ProgressMode::Auto,
            ProgressArgument::Plain => ProgressMode::Plain,
            ProgressArgument::Json => ProgressMode::Json,
            ProgressArgument::None => ProgressMode::None,
        })
    }

    /// Returns the ways to unlock that were given, by where they were given; `password` is that of the environment.
    pub(crate) fn credentials(
        &self,
        matches: &ArgMatches,
        password: Option<Zeroizing<Vec<u8>>>,
    ) -> GivenCredentials {
        let mut given = GivenCredentials::default();
        let sources = [
            ("key_file", self.key_file.as_ref().map(|path| CredentialSource::KeyFile(path.into()))),
            (
                "password_file",
                self.password_file.as_ref().map(|path| CredentialSource::PasswordFile(path.into())),
            ),
            ("password_command", self.password_command.clone().map(CredentialSource::PasswordCommand)),
        ];
        for (id, source) in sources {
            let Some(source) = source else { continue };
            match origin(matches, id) {
                Some(ValueSource::EnvVariable) => given.environment.push(source),
                _ => given.command_line.push(source),
            }
        }
        given.environment.extend(password.map(CredentialSource::Password));
        given
    }
}

/// Returns where the value of a global option comes from.
fn origin(matches: &ArgMatches, id: &str) -> Option<ValueSource> {
    let mut innermost = matches;
    while let Some((_, inner)) = innermost.subcommand() {
        innermost = inner;
    }
    innermost.value_source(id)
}
