//! A sandbox for the program: its own home, repository and source, removed at the end of the test.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{PipeWriter, pipe},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    binary,
    machine::{succeed, variable},
    process::{Input, Output, Running},
};

/// A directory with everything that the runs of one test use.
#[derive(Debug)]
pub(crate) struct Sandbox {
    directory: TempDir,
    repository: PathBuf,
    variables: Vec<(&'static str, String)>,
}

impl Sandbox {
    /// Makes a sandbox with an empty source and no repository.
    ///
    /// `ICECORE_TESTS_DIRECTORY` chooses another file system than the one of temporary files.
    pub(crate) fn new() -> Self {
        Self::below(&variable("ICECORE_TESTS_DIRECTORY").map_or_else(env::temp_dir, PathBuf::from))
    }

    /// Makes a sandbox like [`Sandbox::new`] in memory, if the machine supports it: for tests that create or
    /// sync many files and do not test file systems.
    pub(crate) fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        let is_usable = variable("ICECORE_TESTS_DIRECTORY").is_none() && TempDir::new_in(memory).is_ok();
        if is_usable { Self::below(memory) } else { Self::new() }
    }

    fn below(place: &Path) -> Self {
        let directory = TempDir::with_prefix_in("icecore-system-", place).unwrap();
        for name in ["home", "source"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        let repository = directory.path().join("repository");
        Self { directory, repository, variables: Vec::new() }
    }

    /// Makes a sandbox with an empty repository, opened by a generated key file.
    pub(crate) fn with_repository() -> Self {
        let sandbox = Self::new();
        sandbox.run(&["init"]).expect(0);
        sandbox
    }

    /// Returns a path in the sandbox.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Returns a path in the source.
    pub(crate) fn source(&self, name: &str) -> PathBuf {
        let source = self.path("source");
        if name.is_empty() { source } else { source.join(name) }
    }

    /// Writes a file into the source, with the directories above it.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.source(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Returns the repository's directory.
    pub(crate) fn repository(&self) -> &Path {
        &self.repository
    }

    /// Returns the directory of the caches.
    pub(crate) fn cache(&self) -> PathBuf {
        self.path("home/cache")
    }

    /// Deletes the caches.
    pub(crate) fn delete_cache(&self) {
        if self.cache().exists() {
            fs::remove_dir_all(self.cache()).unwrap();
        }
    }

    /// Returns the directory of the user's state about repositories.
    pub(crate) fn state(&self) -> PathBuf {
        self.path("home/state")
    }

    /// Deletes the user's state about repositories.
    pub(crate) fn delete_state(&self) {
        if self.state().exists() {
            fs::remove_dir_all(self.state()).unwrap();
        }
    }

    /// Uses a repository at another path.
    pub(crate) fn use_repository(&mut self, path: PathBuf) {
        self.repository = path;
    }

    /// Sets an environment variable for all future runs.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.variables.push((name, value.to_owned()));
    }

    /// Returns the only generated key file.
    pub(crate) fn key_file(&self) -> PathBuf {
        let mut files = fs::read_dir(self.path("home/config/icecore/keys")).unwrap();
        files.next().unwrap().unwrap().path()
    }

    /// Returns the command that runs the program here.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(binary::path());
        command.args(arguments);
        self.surround(&mut command);
        command
    }

    /// Returns the command that runs the program here as the user 65534 (nobody), which needs root and
    /// `setpriv`.
    pub(crate) fn command_as_nobody<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        fs::set_permissions(self.path(""), fs::Permissions::from_mode(0o777)).unwrap();
        std::os::unix::fs::chown(self.path("home"), Some(65534), Some(65534)).unwrap();
        // The user may not have access to the directory in which the program was built. Another process
        // copies it: if this process opened the copy for writing, a process that another test starts at this
        // moment could keep it open, and it could not be executed.
        let program = self.path("icecore");
        if !program.exists() {
            succeed(Command::new("cp").arg(binary::path()).arg(&program));
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(program).args(arguments);
        self.surround(&mut command);
        command
    }

    /// Returns the command of another program that runs the program here; it comes after that program's own
    /// arguments.
    pub(crate) fn through<A: AsRef<OsStr>>(&self, mut other: Command, arguments: &[A]) -> Command {
        other.arg(binary::path()).args(arguments);
        self.surround(&mut other);
        other
    }

    fn surround(&self, command: &mut Command) {
        let path = variable("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into());
        command
            .env_clear()
            .env("PATH", path)
            .env("TZ", "UTC")
            .env("HOME", self.path("home"))
            .env("XDG_CONFIG_HOME", self.path("home/config"))
            .env("XDG_CACHE_HOME", self.cache())
            .env("XDG_STATE_HOME", self.state())
            .env("ICECORE_REPOSITORY", &self.repository)
            // Without a terminal, the program waits for the network; here it is available, or never will be.
            .env("ICECORE_WAIT_FOR_NETWORK", "0")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.directory.path());
    }

    /// Starts the program.
    pub(crate) fn start<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Running {
        Running::start(&mut self.command(arguments), Input::Empty)
    }

    /// Starts the program with a pipe as standard input. Nobody writes to it while the other end is held.
    pub(crate) fn start_with_pipe<A: AsRef<OsStr>>(&self, arguments: &[A]) -> (Running, PipeWriter) {
        let (reader, writer) = pipe().unwrap();
        let mut command = self.command(arguments);
        command.stdin(reader);
        (Running::start(&mut command, Input::Given), writer)
    }

    /// Runs the program.
    #[track_caller]
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Output {
        self.start(arguments).wait()
    }

    /// Starts the program with `stdin` as its standard input.
    pub(crate) fn start_with_input<A: AsRef<OsStr>>(&self, arguments: &[A], stdin: &[u8]) -> Running {
        Running::start(&mut self.command(arguments), Input::Bytes(stdin.to_vec()))
    }

    /// Runs the program with `stdin` as its standard input.
    #[track_caller]
    pub(crate) fn run_with_input<A: AsRef<OsStr>>(&self, arguments: &[A], stdin: &[u8]) -> Output {
        self.start_with_input(arguments, stdin).wait()
    }

    /// Runs the program, which must end with 0, and returns its JSON document.
    #[track_caller]
    pub(crate) fn json<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Value {
        let mut command = self.command(arguments);
        command.arg("--json");
        run_command(command).expect(0).json()
    }

    /// Backs up the source, which must end with 0, and returns the result.
    #[track_caller]
    pub(crate) fn backup(&self, options: &[&str]) -> Value {
        self.json(&[&["backup", "source"], options].concat())["sources"][0].clone()
    }

    /// Waits until a backup trusts the times of recent writes: several ticks of the file system's clock.
    pub(crate) fn let_times_settle(&self) {
        icecore_fixtures::file_times::let_times_settle(&self.path("probe"));
    }

    /// Replaces all objects of the repository with these, by their paths, and deletes the host's state about
    /// it: otherwise, the host would report later changes as missing.
    pub(crate) fn put_back<'a>(&self, objects: impl IntoIterator<Item = (&'a PathBuf, &'a Vec<u8>)>) {
        fs::remove_dir_all(self.repository()).unwrap();
        for (path, content) in objects {
            let path = self.repository().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        self.delete_cache();
        self.delete_state();
    }

    /// Restores to `target` in the sandbox, which must end with 0, and returns the report.
    #[track_caller]
    pub(crate) fn restore(&self, reference: &str, target: &str, options: &[&str]) -> Value {
        self.json(&[&["restore", reference, "--target", target], options].concat())
    }

    /// Returns the ids of the snapshots, oldest first.
    #[track_caller]
    pub(crate) fn snapshots(&self) -> Vec<String> {
        let list = self.json(&["snapshots", "--ignore-rollback"]);
        list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }

    /// Reads and verifies everything in the repository, which must be undamaged.
    #[track_caller]
    pub(crate) fn check_all_data(&self) {
        self.run(&["check", "--read-data"]).expect(0);
    }

    /// Returns the paths of the repository's objects under a prefix, relative to the repository, in order.
    pub(crate) fn objects(&self, prefix: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        collect_files(&self.repository.join(prefix), &mut found);
        found.sort();
        found.iter().map(|path| path.strip_prefix(&self.repository).unwrap().to_owned()).collect()
    }
}

/// Starts a command of a sandbox, which the caller may have changed.
pub(crate) fn start_command(mut command: Command) -> Running {
    Running::start(&mut command, Input::Empty)
}

/// Runs a command of a sandbox, which the caller may have changed.
#[track_caller]
pub(crate) fn run_command(command: Command) -> Output {
    start_command(command).wait()
}

fn collect_files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            collect_files(&entry.unwrap().path(), found);
        }
    } else if path.exists() {
        found.push(path.to_owned());
    }
}
