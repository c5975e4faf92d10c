//! Problems of a snapshot: all are counted, but only some are kept in memory.

use std::collections::BTreeSet;

use crate::events::{BackupEvents, SourceProblem};

/// Maximum number of problems that are kept with their paths; the others are only counted.
pub const PROBLEMS_KEPT_MAX: usize = 1000;
/// Maximum number of lost directories that are remembered, to report each only once.
const GONE_MAX: usize = 4096;

/// Problems of one run.
#[derive(Debug, Default)]
pub struct Problems {
    kept: Vec<SourceProblem>,
    total: u64,
    gone: BTreeSet<Vec<u8>>,
}

impl Problems {
    /// Returns the first problems, at most [`PROBLEMS_KEPT_MAX`], in the order in which they occurred.
    pub fn kept(&self) -> &[SourceProblem] {
        &self.kept
    }

    /// Returns the number of all problems.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Adds a problem and reports it as an event; a lost directory is reported only once.
    pub(crate) fn add(&mut self, problem: SourceProblem, events: &dyn BackupEvents) {
        if let SourceProblem::Gone { path } = &problem {
            if self.gone.contains(path) {
                return;
            }
            if self.gone.len() < GONE_MAX {
                self.gone.insert(path.clone());
            }
        }
        events.problem(&problem);
        self.push(problem);
    }

    /// Adds a problem.
    pub fn push(&mut self, problem: SourceProblem) {
        self.total += 1;
        if self.kept.len() < PROBLEMS_KEPT_MAX {
            self.kept.push(problem);
        }
    }
}

#[cfg(test)]
mod tests;
