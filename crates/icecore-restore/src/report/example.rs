//! A report as tests of other crates show it.

use icecore_format::error::FormatError;
use icecore_repo::error::RepoError;

use super::{ProblemReason, RestoreCounts, RestoreNotice, RestoreProblem, RestoreReport, RestoreWarning};

impl RestoreReport {
    /// Makes a report with one object of each kind, for tests of the texts and documents that show reports.
    pub fn example() -> Self {
        let damaged = RepoError::Format(FormatError::WrongContent);
        Self {
            counts: RestoreCounts {
                files_written: 3,
                directories_created: 1,
                deleted: 2,
                ..RestoreCounts::default()
            },
            problems: vec![RestoreProblem {
                path: b"a".to_vec(),
                reason: ProblemReason::Repository(damaged),
            }],
            problem_count: 1,
            damaged: 1,
            warnings: vec![RestoreWarning {
                aspect: "owner".to_owned(),
                reason: "Operation not permitted (os error 1)".to_owned(),
                is_note: false,
                count: 1,
                examples: vec![(b"b".to_vec(), "Operation not permitted (os error 1)".to_owned())],
            }],
            notices: vec![RestoreNotice::DeletionSuspended],
            ..RestoreReport::default()
        }
    }
}
