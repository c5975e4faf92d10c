use icecore_format::error::FormatError;
use icecore_repo::error::RepoError;
use icecore_restore::{
    ProblemReason, RestoreCounts, RestoreNotice, RestoreProblem, RestoreReport, RestoreRequest,
    RestoreWarning,
};

use super::RestoreDocument;
use icecore_fixtures::{documented::assert_documented, snapshots::snapshot};

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

fn describe(notice: &RestoreNotice) -> String {
    format!("{notice:?}")
}

#[test]
fn the_document_has_the_documented_fields() {
    let value =
        serde_json::to_value(RestoreDocument::new(&request(), &report(), Vec::new(), describe)).unwrap();
    assert_eq!(value["problems"][0]["damage"], true);
    assert_eq!(value["warnings"][0]["examples"][0]["reason"], "Operation not permitted");
    assert_documented(&value);
}
