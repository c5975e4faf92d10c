//! What the repository must contain, as those know it who changed it.

use std::collections::{BTreeMap, BTreeSet};

use icecore_format::ids::RunId;

use crate::judge::Expected;

/// Content of files by path.
pub(crate) type Files = BTreeMap<Vec<u8>, Vec<u8>>;

/// What commands have reported.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    /// Content of the snapshots that were reported as complete.
    complete: BTreeMap<RunId, Files>,
    /// Snapshots that somebody began to forget, and how many commands did.
    forgotten: BTreeMap<RunId, usize>,
    /// Snapshots on which somebody placed a hold that nobody began to release since.
    held: BTreeSet<RunId>,
    /// What a reader found before the snapshot was reported as complete.
    read: Vec<(RunId, Files)>,
    /// What is wrong.
    pub(crate) problems: Vec<String>,
    /// How often something happened.
    pub(crate) tally: BTreeMap<String, u64>,
}

impl Truth {
    /// Notes a snapshot that was reported as complete.
    pub(crate) fn completed(&mut self, run: RunId, files: Files) {
        self.complete.insert(run, files);
    }

    /// Notes that somebody begins to forget a snapshot.
    pub(crate) fn forgets(&mut self, run: RunId) {
        *self.forgotten.entry(run).or_default() += 1;
    }

    /// Notes that a command that began to forget a snapshot was refused.
    pub(crate) fn refused(&mut self, run: RunId) {
        if let Some(commands) = self.forgotten.get_mut(&run) {
            *commands -= 1;
        }
    }

    /// Notes that a hold was placed that lasts until somebody releases it.
    pub(crate) fn holds(&mut self, run: RunId) {
        self.held.insert(run);
    }

    /// Notes that somebody begins to release a snapshot.
    pub(crate) fn releases(&mut self, run: RunId) {
        self.held.remove(&run);
    }

    /// Returns whether a snapshot is held for sure.
    pub(crate) fn is_held(&self, run: RunId) -> bool {
        self.held.contains(&run)
    }

    /// Returns whether somebody began to forget a snapshot.
    pub(crate) fn is_forgotten(&self, run: RunId) -> bool {
        self.forgotten.get(&run).is_some_and(|commands| *commands > 0)
    }

    /// Returns whether a snapshot was reported as complete.
    pub(crate) fn is_reported(&self, run: RunId) -> bool {
        self.complete.contains_key(&run)
    }

    /// Returns the content of a snapshot, forgotten or not.
    pub(crate) fn content(&self, run: RunId) -> Option<&Files> {
        self.complete.get(&run)
    }

    /// Compares what was read with what was backed up, now or when that is known.
    pub(crate) fn has_read(&mut self, run: RunId, files: Files) {
        match self.complete.get(&run) {
            Some(backed_up) if *backed_up != files => {
                self.problems.push(format!("a reader got wrong content of {run}"));
            }
            Some(_) => {}
            None => self.read.push((run, files)),
        }
    }

    /// Compares what was read before it was known.
    pub(crate) fn compare_rest(&mut self) {
        for (run, files) in std::mem::take(&mut self.read) {
            if self.is_reported(run) {
                self.has_read(run, files);
            }
        }
    }

    pub(crate) fn count(&mut self, what: &str) {
        self.add(what, 1);
    }

    pub(crate) fn add(&mut self, what: &str, count: usize) {
        *self.tally.entry(what.to_owned()).or_default() += count as u64;
    }

    /// Returns the snapshots that must be complete and readable now.
    pub(crate) fn expected(&self) -> Vec<Expected> {
        let kept = self.complete.iter().filter(|(run, _)| !self.is_forgotten(**run));
        kept.map(|(run, files)| Expected { run: run.0, files: files.clone() }).collect()
    }
}
