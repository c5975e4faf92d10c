//! What every command works with: settings, the two output streams, threads, and access to the repository.

use std::{io, sync::Arc};

use clap::ArgMatches;
use icecore_access::{Allowance, CacheSettings, GivenCredentials, Machine, RepositoryAccess};
use icecore_policy::{Configuration, ProgressMode, S3Settings};
use icecore_repo::environment::Environment;
use icecore_store::{Environment as StoreEnvironment, RepositoryLocation, Stop, waits::WaitList};
use icecore_witness::WitnessSettings;
use jiff::tz::TimeZone;

use crate::{
    arguments::global::GlobalArguments,
    failure::{Failure, Outcome, exit_status::ExitStatus, reason},
    process::{
        configuration, directories, environment_variables, signals,
        threads::{self, StoreThreads},
    },
    surface::{console::Console, reporter::Reporter, waiting::Watcher},
};

/// What every command works with.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Output.
    pub(crate) console: Arc<Console>,
    /// Content of the configuration file.
    pub(crate) configuration: Configuration,
    /// The parsed command line.
    pub(crate) words: ArgMatches,
    /// How progress is shown.
    pub(crate) progress_mode: ProgressMode,
    /// Location of the repository, and how to unlock it.
    pub(crate) access: RepositoryAccess,
    /// Reports notices and asks questions.
    reporter: Arc<Reporter>,
    /// Keeps the threads of the machine's runtime alive.
    _threads: Arc<StoreThreads>,
}

/// Returns the name and version of the program, which are recorded in the objects that it writes.
pub(crate) fn program() -> String {
    format!("icecore {}", env!("CARGO_PKG_VERSION"))
}

impl Context {
    /// Combines the command line, the environment and the configuration file, and starts the threads.
    pub(crate) fn new(
        console: Arc<Console>,
        global: &GlobalArguments,
        words: &ArgMatches,
        mut credentials: GivenCredentials,
        allowance: Allowance,
    ) -> Outcome<Self> {
        let directories = directories::find();
        let configuration = configuration::read(global.config(), &directories)?;
        credentials.configuration.extend(configuration::credential(&configuration));
        let location = match (&global.repository, &configuration.repository) {
            (Some(text), _) => Some(RepositoryLocation::parse(text)?),
            (None, Some(text)) => Some(RepositoryLocation::parse(text.as_ref())?),
            (None, None) => None,
        };
        let cache = CacheSettings {
            directory: global
                .cache_directory()
                .or_else(|| configuration.cache_directory.clone())
                .or_else(|| directories.cache.clone()),
            bytes_max: configuration.cache_bytes_max,
            index_memory_bytes: configuration.index_memory_bytes,
        };
        let mut s3 = configuration.s3.clone();
        global.apply_to(&mut s3);
        let progress_mode = global.progress().unwrap_or(configuration.progress);
        let (machine, threads) = start(&console, allowance, progress_mode)?;
        let reporter = Arc::new(Reporter::new(Arc::clone(&console), machine.zone.clone()));
        let access = RepositoryAccess {
            machine,
            location,
            credentials,
            s3,
            network_time_max: global.network_time_max(),
            cache,
            directories,
            surroundings: environment_variables::surroundings(),
            requests: Arc::default(),
            prompt: Arc::clone(&reporter) as _,
            events: Arc::clone(&reporter) as _,
        };
        Ok(Self {
            console,
            configuration,
            words: words.clone(),
            progress_mode,
            access,
            reporter,
            _threads: Arc::new(threads),
        })
    }

    /// Makes the context of another repository with its own location, keys and S3 settings. Everything else
    /// is shared, but requests are counted separately.
    pub(crate) fn of_other(
        &self,
        location: RepositoryLocation,
        credentials: GivenCredentials,
        s3: S3Settings,
    ) -> Self {
        Self { access: self.access.of_other(location, credentials, s3), ..self.clone() }
    }

    /// Returns the settings of the repository's witness.
    pub(crate) fn witness(&self) -> Outcome<WitnessSettings> {
        Ok(icecore_operations::witness::settings(&self.access, Arc::clone(&self.reporter) as _)?)
    }
}

/// Starts the threads of a command: for computation, for stores, and for watching signals and waits.
fn start(
    console: &Arc<Console>,
    allowance: Allowance,
    progress_mode: ProgressMode,
) -> Outcome<(Machine, StoreThreads)> {
    let store_environment = StoreEnvironment::system();
    let starting = |error: &io::Error| {
        Failure::new(ExitStatus::Failed, format!("failed to start threads: {}", reason(error)))
    };
    let threads = threads::start_threads(allowance.store_calls).map_err(|error| starting(&error))?;
    let stop = Stop::default();
    signals::watch_signals(threads.handle(), stop.clone(), Arc::clone(console))
        .map_err(|error| starting(&error))?;
    let workers = rayon::ThreadPoolBuilder::new()
        .thread_name(|number| format!("icecore-work-{number}"))
        .num_threads(allowance.workers_if_scarce())
        .build()
        .map_err(|error| Failure::new(ExitStatus::Failed, format!("failed to start threads: {error}")))?;
    let environment = Environment {
        clock: Arc::clone(&store_environment.clock),
        entropy: Arc::clone(&store_environment.entropy),
        sleep: Arc::clone(&store_environment.sleep),
        runtime: threads.handle().clone(),
        workers: Arc::new(workers),
        cancelled: stop.flag(),
    };
    let (waits, zone) = (Arc::<WaitList>::default(), TimeZone::system());
    let clock = Arc::clone(&store_environment.clock);
    Watcher::new(Arc::clone(console), clock, zone.clone(), Arc::clone(&waits), progress_mode)
        .start(threads.handle(), &store_environment);
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let program = program();
    let machine = Machine {
        environment,
        store_environment,
        stop,
        waits,
        allowance,
        shared_file_system: icecore_fs::shared_file_system,
        host,
        program,
        zone,
    };
    Ok((machine, threads))
}
