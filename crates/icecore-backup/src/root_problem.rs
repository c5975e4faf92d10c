//! A problem of the root: one of many if there is something below it, and otherwise the reason why there is
//! no snapshot.

use std::io;

use icecore_fs::error::FsError;

use crate::{
    error::{BackupError, BackupResult},
    events::SourceProblem,
};

/// What is wrong with the root, as long as nothing below it has been seen.
#[derive(Debug, Default)]
pub(crate) struct RootProblem(Option<SourceProblem>);

impl RootProblem {
    /// Notes that something with this path was met; returns what can be reported now.
    pub fn met(&mut self, path: &[u8]) -> Option<SourceProblem> {
        if path.is_empty() { None } else { self.0.take() }
    }

    /// Holds a problem back if it is the root's; returns any other.
    pub fn hold(&mut self, problem: SourceProblem) -> Option<SourceProblem> {
        if !problem.path().is_empty() {
            return Some(problem);
        }
        self.0 = Some(problem);
        None
    }

    /// Fails if nothing below the root was met: an empty snapshot would become the latest.
    pub fn end(self) -> BackupResult<()> {
        match self.0 {
            None => Ok(()),
            Some(SourceProblem::Unreadable(error)) => Err(BackupError::Source(error)),
            Some(_) => {
                let error = io::Error::from(io::ErrorKind::NotFound);
                Err(BackupError::Source(FsError::new("read the directory", Vec::new(), error)))
            }
        }
    }
}
