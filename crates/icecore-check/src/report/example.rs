//! A report as tests of other crates show it.

use icecore_format::ids::{PackName, RunId};

use super::{CheckProblem, CheckReport, ProblemKind, SnapshotCheck};

impl CheckReport {
    /// Makes a report of a damaged and an intact snapshot of one run, for tests of the texts and documents
    /// that show reports.
    pub fn example() -> Self {
        let run = RunId::new(1, [1; 10]);
        let kind = ProblemKind::PackMissing;
        let problem = CheckProblem {
            severity: kind.severity(),
            object: Some("data/x".to_owned()),
            kind,
            detail: "it does not\nexist".to_owned(),
        };
        let snapshot = SnapshotCheck {
            run,
            opens: true,
            restorable: false,
            files_damaged: 1,
            examples: vec![b"\xff".to_vec()],
            packs_damaged: vec![PackName { run, number: 0 }],
            mark: None,
        };
        let whole = SnapshotCheck {
            restorable: true,
            files_damaged: 0,
            examples: Vec::new(),
            packs_damaged: Vec::new(),
            ..snapshot.clone()
        };
        Self { snapshots: vec![snapshot, whole], problems: vec![problem], ..CheckReport::default() }
    }
}
