//! Holds and releases in the records of a log.

use std::collections::BTreeMap;

use crate::{
    ids::{RecordName, RunId},
    log::HeldSnapshot,
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
