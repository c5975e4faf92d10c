//! An existing input, or the output of a command, as a source.

use std::{
    ffi::OsString,
    io::{self, Read},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use icecore_access::PASSWORD_VARIABLES;
use icecore_backup::request::BackupSource;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{BackupFault, SourceKind, StreamChoice};
use crate::{error::OperationResult, text::reason};

/// Time between two checks of the request to stop, while no bytes arrive.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// Opens a source. Starts the command, if it is one, unless this is a dry run, which does not read streams.
pub(super) fn open(
    kind: SourceKind,
    cancelled: &Arc<AtomicBool>,
    dry_run: bool,
) -> OperationResult<BackupSource> {
    match kind {
        SourceKind::Tree { path, .. } => Ok(BackupSource::Tree { path }),
        SourceKind::Failed(error) => Err(error),
        SourceKind::Stream(StreamChoice::Input { file_name, open }) => {
            let input = open().map_err(BackupFault::Input)?;
            Ok(BackupSource::Stream {
                file_name: file_name.as_bytes().to_vec(),
                input: Box::new(PatientReader { input, cancelled: Arc::clone(cancelled) }),
                command: Vec::new(),
                finish: Box::new(|| Ok(())),
            })
        }
        SourceKind::Stream(StreamChoice::Command { file_name, program }) => {
            let file_name = file_name.as_bytes().to_vec();
            let command = program.iter().map(|word| word.to_string_lossy().into_owned()).collect();
            if dry_run {
                let (input, finish) = (Box::new(io::empty()), Box::new(|| Ok(())));
                return Ok(BackupSource::Stream { file_name, input, command, finish });
            }
            let (input, mut child) = start(&program)?;
            Ok(BackupSource::Stream {
                file_name,
                input: Box::new(PatientReader { input, cancelled: Arc::clone(cancelled) }),
                command,
                finish: Box::new(move || child.finish()),
            })
        }
    }
}

fn start(program: &[OsString]) -> Result<(OwnedFd, RunningCommand), BackupFault> {
    let [name, arguments @ ..] = program else { return Err(BackupFault::NoCommand) };
    let shown = || name.to_string_lossy().into_owned();
    let mut child = Command::new(name)
        .args(arguments)
        .env_remove(PASSWORD_VARIABLES[0])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|source| BackupFault::Start { command: shown(), source })?;
    let Some(output) = child.stdout.take() else { return Err(BackupFault::NoOutput { command: shown() }) };
    Ok((output.into(), RunningCommand(child)))
}

/// A command that is killed when its output is no longer needed.
struct RunningCommand(Child);

impl RunningCommand {
    /// Waits for the end; fails unless the command succeeded.
    fn finish(&mut self) -> Result<(), String> {
        match self.0.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(status.to_string()),
            Err(error) => Err(reason(&error)),
        }
    }
}

impl Drop for RunningCommand {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            // It may have ended in between, and then there is nothing to do.
            self.0.kill().unwrap_or_default();
            self.0.wait().ok();
        }
    }
}

/// Reads a stream that may be silent for a long time, and still notices the request to stop.
struct PatientReader {
    input: OwnedFd,
    cancelled: Arc<AtomicBool>,
}

impl Read for PatientReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.cancelled.load(Ordering::Relaxed) {
                // Not `Interrupted`: the reader would try again.
                return Err(io::Error::other("interrupted"));
            }
            let mut wanted = [PollFd::new(&self.input, PollFlags::IN)];
            match poll(&mut wanted, Some(&LOOK_EVERY)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return rustix::io::read(&self.input, &mut *buffer).map_err(Into::into),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests;
