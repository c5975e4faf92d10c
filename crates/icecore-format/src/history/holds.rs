//! Holds and releases in the records of a log.

use std::collections::{BTreeMap, BTreeSet};

use super::History;
use crate::{
    ids::{RecordName, RunId},
    log::{HeldSnapshot, RecordReference},
};

/// Statement of a record about a snapshot: a hold on it, or none if the record releases it.
type Statement = (RecordName, Option<HeldSnapshot>);

/// All statements about holds, by snapshot.
#[derive(Clone, Debug, Default)]
pub(super) struct Holds {
    statements: BTreeMap<RunId, Vec<Statement>>,
}

impl Holds {
    /// Adds the statements of a record.
    pub(super) fn insert(&mut self, record: RecordName, holds: Vec<HeldSnapshot>, releases: &[RunId]) {
        for hold in holds {
            self.statements.entry(hold.run).or_default().push((record, Some(hold)));
        }
        for run in releases {
            self.statements.entry(*run).or_default().push((record, None));
        }
    }

    /// Returns the snapshots with statements about them.
    pub(super) fn runs(&self) -> impl Iterator<Item = RunId> {
        self.statements.keys().copied()
    }

    /// Returns the longest hold among the last statements about a snapshot: `has_later` says whether one of
    /// several records is later than the given one.
    pub(super) fn last(
        &self,
        run: RunId,
        has_later: impl Fn(RecordName, &[RecordName]) -> bool,
    ) -> Option<&HeldSnapshot> {
        let statements = self.statements.get(&run)?;
        let records: Vec<RecordName> = statements.iter().map(|(record, _)| *record).collect();
        let is_alone = records.iter().all(|record| *record == records[0]);
        statements
            .iter()
            .filter_map(|(record, hold)| Some((*record, hold.as_ref()?)))
            .filter(|(record, _)| is_alone || !has_later(*record, &records))
            .map(|(_, hold)| hold)
            .max_by_key(|hold| (hold.until_seconds.is_none(), hold.until_seconds))
    }
}

impl History {
    /// Returns the hold on a snapshot according to the log; none if there is none, or it was released. It may
    /// have expired, which the caller must check.
    ///
    /// A statement about a snapshot counts if no later one refers to its record, directly or by way of
    /// others. If several count, because their writers did not know of each other, a hold counts more than a
    /// release, and of two holds the longer one.
    pub fn held(&self, run: RunId) -> Option<&HeldSnapshot> {
        self.holds.last(run, |earlier, names| self.is_behind_any(earlier, names))
    }

    /// Returns all holds that count, by run: see [`Self::held`].
    pub fn held_snapshots(&self) -> impl Iterator<Item = &HeldSnapshot> {
        self.holds.runs().filter_map(|run| self.held(run))
    }

    /// Returns whether one of these records refers to the earlier one, directly or by way of others.
    fn is_behind_any(&self, earlier: RecordName, names: &[RecordName]) -> bool {
        let (mut seen, mut next) = (BTreeSet::from([earlier]), vec![earlier]);
        while let Some(name) = next.pop() {
            let Some((hash, ..)) = self.records.get(&name) else { continue };
            for referrer in self.referrers(&RecordReference { name, hash: *hash }) {
                if referrer != earlier && names.contains(&referrer) {
                    return true;
                }
                if seen.insert(referrer) {
                    next.push(referrer);
                }
            }
        }
        false
    }
}
