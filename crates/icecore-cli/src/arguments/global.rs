//! Options of all commands.

use std::{
    ffi::OsString,
    io::{self, IsTerminal},
    num::NonZeroU64,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{ArgAction, ArgMatches, Args, ValueEnum, ValueHint, parser::ValueSource};
use icecore_access::{CredentialSource, GivenCredentials};
use icecore_policy::{ProgressMode, S3Settings, parse_byte_size};
use zeroize::Zeroizing;

use crate::{arguments::values::local_directory, surface::console::Verbosity};

const HEADING: &str = "Global options";
/// How long to wait for the network without a terminal, and if the option has no value.
const NETWORK_TIME_DEFAULT: Duration = Duration::from_mins(5);

/// Options of all commands.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = HEADING)]
pub(crate) struct GlobalArguments {
    /// Location of the repository: `/path`, `file:///path` or `s3://bucket/prefix`
    #[arg(
        short,
        long,
        global = true,
        value_name = "URL",
        env = "ICECORE_REPOSITORY", value_hint = ValueHint::DirPath,
        hide_env_values = true
    )]
    pub(crate) repository: Option<OsString>,
    /// URL of an S3-compatible server (default: Amazon S3)
    #[arg(long, global = true, value_name = "URL", env = "AWS_ENDPOINT_URL_S3", value_hint = ValueHint::Url, hide_env_values = true)]
    endpoint_url: Option<String>,
    /// Region of the bucket (default: from the AWS configuration or the instance)
    #[arg(long, global = true, value_name = "REGION", env = "AWS_REGION", hide_env_values = true)]
    region: Option<String>,
    /// Trust only the certificates in this PEM file (default: `AWS_CA_BUNDLE`, then `ca_bundle` of the AWS
    /// profile, then the certificates that this machine trusts)
    #[arg(long, global = true, value_name = "FILE", env = "ICECORE_CA_FILE", value_hint = ValueHint::FilePath, hide_env_values = true)]
    ca_file: Option<OsString>,
    /// Maximum upload rate in bytes per second, such as 10MiB
    #[arg(long, global = true, value_name = "RATE", value_parser = rate)]
    limit_upload: Option<NonZeroU64>,
    /// Maximum download rate in bytes per second, such as 10MiB
    #[arg(long, global = true, value_name = "RATE", value_parser = rate)]
    limit_download: Option<NonZeroU64>,
    /// Wait for the network at the start, up to this long (`0`: do not wait; 5m if no value is given)
    ///
    /// The command retries while the host name does not resolve or the server does not respond. Without a
    /// terminal, the command waits up to 5m by default, because a timer may start it before the network is
    /// up. On a terminal, it reports an unreachable server within seconds.
    #[arg(
        long,
        global = true,
        value_name = "DURATION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "5m",
        env = "ICECORE_WAIT_FOR_NETWORK",
        hide_env_values = true,
        value_parser = network_time
    )]
    wait_for_network: Option<Duration>,
    /// Key file that unlocks the repository
    #[arg(long, global = true, value_name = "FILE", env = "ICECORE_KEY_FILE", value_hint = ValueHint::FilePath, hide_env_values = true)]
    key_file: Option<OsString>,
    /// File that contains the password; one line break at the end is ignored
    ///
    /// You can also set the password in the environment variable `ICECORE_PASSWORD`. If no key or password is
    /// given, the key file that `--init` generated is used. If there is no such file, the AWS KMS keys of the
    /// repository are tried, and then you are asked for the password on the terminal.
    #[arg(long, global = true, value_name = "FILE", env = "ICECORE_PASSWORD_FILE", value_hint = ValueHint::FilePath, hide_env_values = true)]
    password_file: Option<OsString>,
    /// Command that prints the password; run with `sh -c`
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
    /// Directory for the catalogue, a local cache (default: icecore in the user's cache directory)
    #[arg(long, global = true, value_name = "DIR", env = "ICECORE_CACHE_DIR", value_parser = local_directory(), value_hint = ValueHint::DirPath, hide_env_values = true)]
    cache_dir: Option<OsString>,
    /// Write the result as one JSON document
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How to show progress on standard error (default: auto)
    #[arg(long, global = true, value_name = "MODE", value_enum)]
    progress: Option<ProgressArgument>,
    /// Show only failures
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Show the program's decisions; give it twice to show everything
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
    /// Ignores values from environment variables that are empty.
    pub(crate) fn ignore_empty_environment(&mut self, matches: &ArgMatches) {
        let from_environment = |id| origin(matches, id) == Some(ValueSource::EnvVariable);
        let values = [
            ("repository", &mut self.repository),
            ("key_file", &mut self.key_file),
            ("password_file", &mut self.password_file),
            ("password_command", &mut self.password_command),
            ("ca_file", &mut self.ca_file),
            ("config", &mut self.config),
            ("cache_dir", &mut self.cache_dir),
        ];
        for (id, value) in values {
            if from_environment(id) {
                value.take_if(|value| value.is_empty());
            }
        }
        for (id, value) in [("endpoint_url", &mut self.endpoint_url), ("region", &mut self.region)] {
            if from_environment(id) {
                value.take_if(|value| value.is_empty());
            }
        }
    }

    /// Returns the given configuration file.
    pub(crate) fn config(&self) -> Option<&Path> {
        self.config.as_deref().map(Path::new)
    }

    /// Returns the given cache directory.
    pub(crate) fn cache_directory(&self) -> Option<PathBuf> {
        self.cache_dir.as_ref().map(PathBuf::from)
    }

    /// Overrides the settings of the configuration file with the given ones.
    pub(crate) fn apply_to(&self, settings: &mut S3Settings) {
        fn replace<T: Clone>(target: &mut Option<T>, given: Option<&T>) {
            if let Some(given) = given {
                *target = Some(given.clone());
            }
        }
        replace(&mut settings.endpoint_url, self.endpoint_url.as_ref());
        replace(&mut settings.region, self.region.as_ref());
        replace(&mut settings.ca_file, self.ca_file.as_ref().map(PathBuf::from).as_ref());
        replace(&mut settings.upload_bytes_per_second_max, self.limit_upload.as_ref());
        replace(&mut settings.download_bytes_per_second_max, self.limit_download.as_ref());
    }

    /// Returns how long to wait for the network at the beginning, if at all.
    pub(crate) fn network_time_max(&self) -> Option<Duration> {
        let by_default = || (!io::stderr().is_terminal()).then_some(NETWORK_TIME_DEFAULT);
        self.wait_for_network.or_else(by_default).filter(|time| !time.is_zero())
    }

    /// Returns how much to report.
    pub(crate) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, 1) => Verbosity::Verbose,
            _ => Verbosity::Debug,
        }
    }

    /// Returns how to show progress, if it was given.
    pub(crate) fn progress(&self) -> Option<ProgressMode> {
        self.progress.map(|mode| match mode {
            ProgressArgument::Auto => ProgressMode::Auto,
            ProgressArgument::Plain => ProgressMode::Plain,
            ProgressArgument::Json => ProgressMode::Json,
            ProgressArgument::None => ProgressMode::None,
        })
    }

    /// Returns the given credentials, by where they were given; `password` is the one from the environment.
    pub(crate) fn credentials(
        &self,
        matches: &ArgMatches,
        password: Option<Zeroizing<Vec<u8>>>,
    ) -> GivenCredentials {
        let options = [
            ("key_file", self.key_file.as_ref()),
            ("password_file", self.password_file.as_ref()),
            ("password_command", self.password_command.as_ref()),
        ];
        given_credentials(matches, options, password)
    }
}

/// Reads a duration such as `90s`, `5m` or `1h30m`, or zero.
fn network_time(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let wrong = || format!("{text:?} is not a duration; write 90s, 5m or 1h, or 0 for no wait");
    let duration = text.parse::<jiff::SignedDuration>().map_err(|_| wrong())?;
    Duration::try_from(duration).map_err(|_| wrong())
}

fn rate(text: &str) -> Result<NonZeroU64, String> {
    let bytes = parse_byte_size(text).map_err(|error| error.to_string())?;
    NonZeroU64::new(bytes).ok_or_else(|| "the rate must be greater than zero".to_owned())
}

/// Makes a credential source from the value of an option.
type MakeSource = fn(&OsString) -> CredentialSource;

/// Returns the given credentials of a repository, by where they were given. The options are a key file, a
/// file with the password and a command that prints it, each with its id; `password` is the one from the
/// environment.
pub(crate) fn given_credentials(
    matches: &ArgMatches,
    [key_file, password_file, password_command]: [(&str, Option<&OsString>); 3],
    password: Option<Zeroizing<Vec<u8>>>,
) -> GivenCredentials {
    let sources: [(_, MakeSource); 3] = [
        (key_file, |path| CredentialSource::KeyFile(path.into())),
        (password_file, |path| CredentialSource::PasswordFile(path.into())),
        (password_command, |command| CredentialSource::PasswordCommand(command.clone())),
    ];
    let mut given = GivenCredentials::default();
    for ((id, value), source) in sources {
        let Some(value) = value else { continue };
        match origin(matches, id) {
            // An empty variable counts as unset.
            Some(ValueSource::EnvVariable) if value.is_empty() => {}
            Some(ValueSource::EnvVariable) => given.environment.push(source(value)),
            _ => given.command_line.push(source(value)),
        }
    }
    given.environment.extend(password.map(CredentialSource::Password));
    given
}

/// Returns where the value of a global option comes from.
fn origin(matches: &ArgMatches, id: &str) -> Option<ValueSource> {
    let mut innermost = matches;
    while let Some((_, inner)) = innermost.subcommand() {
        innermost = inner;
    }
    innermost.value_source(id)
}
