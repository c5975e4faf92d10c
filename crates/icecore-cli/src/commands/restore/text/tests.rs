use icecore_format::error::FormatError;
use icecore_repo::error::RepoError;
use icecore_restore::{
    ProblemReason, RestoreCounts, RestoreNotice, RestoreProblem, RestoreReport, RestoreRequest,
    RestoreWarning,
};

use super::summary;
use icecore_fixtures::snapshots::snapshot;

fn request() -> RestoreRequest {
    RestoreRequest::new(snapshot("etc", "here", 1, 1_700_000_000, true), "/tmp/x")
}

fn report() -> RestoreReport {
    let damaged = RepoError::Format(FormatError::WrongContent);
    RestoreReport {
        counts: RestoreCounts {
            files_written: 3,
            directories_created: 1,
            deleted: 2,
            ..RestoreCounts::default()
        },
        problems: vec![RestoreProblem { path: b"a".to_vec(), reason: ProblemReason::Repository(damaged) }],
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

#[test]
fn a_summary_says_what_was_done() {
    let expected = "\
snapshot 01010101010101010101 of etc restored to /tmp/x
  files    3 written with 0 B, 0 already right, 0 with new metadata
  created  1 directory
  others   2 removed
  fetched  0 B, 0 B taken from files that were there
  time     0.0 s, then 0.0 s until everything was on disk
";
    assert_eq!(summary(&request(), &report()), expected);
    let planned = summary(&RestoreRequest { dry_run: true, ..request() }, &report());
    assert!(
        planned.starts_with(
            "snapshot 01010101010101010101 of etc: nothing was changed in /tmp/x; it would be\n"
        )
    );
}
