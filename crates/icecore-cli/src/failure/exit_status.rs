//! Exit codes for scripts.

use std::process::ExitCode;

/// How a command ended, from best to worst: of several results, the worst counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ExitStatus {
    /// Everything is done.
    Done,
    /// Done, but some source files could not be read, or some metadata could not be set on restored files.
    Partial,
    /// Some data is archived: after it is thawed, the same command continues.
    Archived,
    /// The command line, a pattern or the configuration is wrong.
    Usage,
    /// The command failed.
    Failed,
    /// There is no repository.
    NoRepository,
    /// Wrong key or password, or none.
    WrongKey,
    /// Stored data is damaged or missing.
    Damage,
    /// A signal interrupted the command.
    Interrupted,
}

impl ExitStatus {
    /// Returns the exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Partial => 3,
            Self::NoRepository => 10,
            Self::WrongKey => 12,
            Self::Damage => 20,
            Self::Archived => 75,
            Self::Interrupted => 130,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

#[cfg(test)]
mod tests;
