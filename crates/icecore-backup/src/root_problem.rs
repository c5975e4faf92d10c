//! A problem of the root: one of many if there is anything below it, and otherwise the reason for having no
//! snapshot.

use std::io;

use icecore_fs::error::FsError;

use crate::{
    error::{BackupError, BackupResult},
    events::SourceProblem,
};

/// A problem of the root, while nothing below it has been seen.
#[derive(Debug, Default)]
pub(crate) struct RootProblem(Option<SourceProblem>);

impl RootProblem {
    /// Notes that this path was found; returns a problem that can be reported now.
    pub fn met(&mut self, path: &[u8]) -> Option<SourceProblem> {
        if path.is_empty() { None } else { self.0.take() }
    }

    /// Holds back a problem of the root; returns any other.
    pub fn hold(&mut self, problem: SourceProblem) -> Option<SourceProblem> {
        if !problem.path().is_empty() {
            return Some(problem);
        }
        self.0 = Some(problem);
        None
    }

    /// Fails if nothing below the root was found: an empty snapshot would become the latest one.
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
