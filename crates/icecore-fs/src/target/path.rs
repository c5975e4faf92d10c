//! Checks and splits the relative paths that a target accepts.

use std::io;

/// Longest component in bytes (`NAME_MAX` of Linux).
const COMPONENT_BYTES_MAX: usize = 255;

/// Why a target does not accept a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetPathProblem {
    /// The path is empty, but an object below the root is required.
    #[error("the path is empty")]
    Empty,
    /// The path begins with a slash.
    #[error("the path is absolute")]
    Absolute,
    /// Two slashes in a row, or one at the end.
    #[error("the path has an empty component")]
    EmptyComponent,
    /// A component is `.` or `..`.
    #[error("the path has a component `.` or `..`")]
    DotComponent,
    /// The path contains a NUL byte.
    #[error("the path has a NUL byte")]
    Nul,
    /// A component is longer than file systems allow.
    #[error("the path has a component of more than {COMPONENT_BYTES_MAX} bytes")]
    ComponentTooLong,
    /// A directory of the path is a symbolic link in the target; links are never followed.
    #[error("it is a symbolic link, which is never followed")]
    SymbolicLink,
    /// A directory of the path is not a directory in the target.
    #[error("it is not a directory")]
    NotADirectory,
    /// A directory was moved elsewhere while it was being removed.
    #[error("it was moved in the meantime")]
    Moved,
}

impl From<TargetPathProblem> for io::Error {
    fn from(problem: TargetPathProblem) -> Self {
        let kind = match problem {
            TargetPathProblem::SymbolicLink | TargetPathProblem::NotADirectory => {
                io::ErrorKind::NotADirectory
            }
            TargetPathProblem::Moved => io::ErrorKind::ResourceBusy,
            _ => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, problem)
    }
}

/// Checks a path; the empty path means the root of the target and is accepted here.
pub(super) fn check(path: &[u8]) -> Result<(), TargetPathProblem> {
    if path.is_empty() {
        return Ok(());
    }
    if path[0] == b'/' {
        return Err(TargetPathProblem::Absolute);
    }
    path.split(|byte| *byte == b'/').try_for_each(check_component)
}

fn check_component(component: &[u8]) -> Result<(), TargetPathProblem> {
    match component {
        b"" => Err(TargetPathProblem::EmptyComponent),
        b"." | b".." => Err(TargetPathProblem::DotComponent),
        _ if component.len() > COMPONENT_BYTES_MAX => Err(TargetPathProblem::ComponentTooLong),
        _ if component.contains(&0) => Err(TargetPathProblem::Nul),
        _ => Ok(()),
    }
}

/// Checks a path and splits it into the path of the directory (empty for the root) and the last component.
pub(super) fn split(path: &[u8]) -> Result<(&[u8], &[u8]), TargetPathProblem> {
    if path.is_empty() {
        return Err(TargetPathProblem::Empty);
    }
    check(path)?;
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => Ok((&path[..slash], &path[slash + 1..])),
        None => Ok((&[], path)),
    }
}
