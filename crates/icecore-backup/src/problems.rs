//! What is not in a snapshot as it should be: bounded in memory, counted without bound.

use std::collections::BTreeSet;

use crate::events::{BackupEvents, SourceProblem};

/// So many problems are kept with their paths; of all others only the number is.
pub const PROBLEMS_KEPT_MAX: usize = 1000;
/// So many directories that are gone are remembered, to name each only once.
const GONE_MAX: usize = 4096;

/// Problems of one run.
#[derive(Debug, Default)]
pub struct Problems {
    kept: Vec<SourceProblem>,
    total: u64,
    gone: BTreeSet<Vec<u8>>,
}

impl Problems {
    /// Returns the first problems, at most [`PROBLEMS_KEPT_MAX`], in the order in which they were met.
    pub fn kept(&self) -> &[SourceProblem] {
        &self.kept
    }

    /// Returns how many there are in all.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Adds a problem and tells the receiver of events; of a directory that is gone only once.
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
