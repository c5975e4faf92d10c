//! Runs the program: every run ends in time, and no run panics.

use std::{
    fmt::Write,
    os::unix::process::ExitStatusExt,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::Value;

/// A run that takes longer counts as hanging: the slowest take several seconds on two busy cores.
const TIME_MAX: Duration = Duration::from_mins(2);
/// Exit code of a Rust program that panics.
const PANIC_CODE: i32 = 101;

/// Standard input of a run.
#[derive(Clone, Debug)]
pub(super) enum Input {
    /// Nothing.
    Empty,
    /// These bytes, through a pipe.
    Bytes(Vec<u8>),
    /// An input that the command already has.
    Given,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    /// Exit code; none if a signal killed the process.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    /// The command line, for messages.
    words: String,
}

impl Output {
    /// Fails unless the run ended with `code`.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.describe());
        self
    }

    /// Fails unless the run ended with one of `codes`.
    #[track_caller]
    pub(crate) fn expect_any(self, codes: &[i32]) -> Self {
        assert!(self.code.is_some_and(|code| codes.contains(&code)), "not {codes:?}: {}", self.describe());
        self
    }

    /// Fails unless standard error contains `text`.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "does not say {text:?}: {}", self.describe());
        self
    }

    /// Returns the JSON document on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON document: {error}: {}", self.describe()))
    }

    /// Returns standard output as text.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.stdout).unwrap()
    }

    /// Returns everything about the run, for messages.
    pub(crate) fn describe(&self) -> String {
        let stdout = String::from_utf8_lossy(&self.stdout);
        format!("{}\nended with {:?}\n{stdout}\n{}", self.words, self.code, self.stderr)
    }
}

/// A run that has not ended yet.
#[derive(Debug)]
pub(crate) struct Running {
    pid: Pid,
    ended: Receiver<Output>,
    words: String,
}

impl Running {
    /// Starts a run.
    pub(super) fn start(command: &mut Command, stdin: Input) -> Self {
        let words = format!("{command:?}");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        match &stdin {
            Input::Empty => {
                command.stdin(Stdio::null());
            }
            Input::Bytes(_) => {
                command.stdin(Stdio::piped());
            }
            Input::Given => {}
        }
        let mut child = command.spawn().unwrap_or_else(|error| panic!("failed to run {words}: {error}"));
        let pid = Pid::from_child(&child);
        if let (Input::Bytes(stdin), Some(mut pipe)) = (stdin, child.stdin.take()) {
            // The program may end before reading all of it.
            thread::spawn(move || std::io::Write::write_all(&mut pipe, &stdin));
        }
        let (sender, ended) = channel();
        let shown = words.clone();
        thread::spawn(move || sender.send(wait(child, shown)));
        Self { pid, ended, words }
    }

    /// Waits for the end, but at most for `duration`.
    pub(crate) fn wait_for(&self, duration: Duration) -> Option<Output> {
        self.ended.recv_timeout(duration).ok()
    }

    /// Limits the address space of the process from now on, so that it fails and not the machine.
    pub(crate) fn limit_address_space(&self, bytes: u64) {
        let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
        // It may already have ended.
        let _ = prlimit(Some(self.pid), Resource::As, limit);
    }

    /// Watches the memory of the process until it ends; the result is the peak of its resident memory in
    /// bytes.
    ///
    /// The kernel records the peak, which is read a thousand times a second. Only the last moment of a
    /// process can be missed, and the result is never too high.
    pub(crate) fn watch_memory(&self) -> thread::JoinHandle<u64> {
        let process = format!("/proc/{}", self.pid.as_raw_nonzero());
        let (program, status) = (format!("{process}/exe"), format!("{process}/status"));
        thread::spawn(move || {
            // For a moment, the kernel may still count the memory of the tests as memory of the new process.
            let own = std::env::current_exe().unwrap();
            while std::fs::read_link(&program).is_ok_and(|program| program == own) {
                thread::yield_now();
            }
            let mut peak = 0;
            while let Ok(text) = std::fs::read_to_string(&status) {
                let Some(line) = text.lines().find_map(|line| line.strip_prefix("VmHWM:")) else { break };
                let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
                peak = peak.max(kibibytes << 10);
                thread::park_timeout(Duration::from_millis(1));
            }
            peak
        })
    }

    /// Sends a signal; it has no effect on a process that has just ended.
    pub(crate) fn signal(&self, signal: Signal) {
        // A thread waits for the process; until then, it is a zombie, which accepts signals.
        let _ = kill_process(self.pid, signal);
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn wait(self) -> Output {
        let Some(output) = self.wait_for(TIME_MAX) else {
            self.signal(Signal::KILL);
            panic!("hangs: {}", self.words);
        };
        let panicked = output.code == Some(PANIC_CODE) || output.stderr.contains("panicked at");
        assert!(!panicked, "{}", output.describe());
        output
    }
}

fn wait(child: Child, words: String) -> Output {
    let output = child.wait_with_output().unwrap();
    let mut stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if let Some(signal) = output.status.signal() {
        write!(stderr, "(killed by signal {signal})").unwrap();
    }
    Output { code: output.status.code(), stdout: output.stdout, stderr, words }
}
