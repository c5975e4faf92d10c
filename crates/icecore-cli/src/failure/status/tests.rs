use icecore_format::{error::FormatError, ids::ChunkId};
use icecore_repo::error::RepoError;
use icecore_restore::{ProblemReason, RestoreProblem, RestoreReport};
use icecore_store::StoreError;

use super::of_restore_report;
use crate::failure::exit_status::ExitStatus;

fn report(reasons: Vec<ProblemReason>) -> RestoreReport {
    let problems: Vec<RestoreProblem> =
        reasons.into_iter().map(|reason| RestoreProblem { path: b"a".to_vec(), reason }).collect();
    let damaged = problems.iter().filter(|problem| problem.reason.is_damage()).count() as u64;
    let archived = problems.iter().filter(|problem| problem.reason.is_archived()).count() as u64;
    let problem_count = problems.len() as u64;
    RestoreReport { problem_count, damaged, archived, problems, ..RestoreReport::default() }
}

#[test]
fn the_exit_code_tells_damage_from_other_problems() {
    let missing = || ProblemReason::Repository(RepoError::MissingChunk { id: ChunkId([0; ChunkId::BYTES]) });
    let refused = || ProblemReason::Repository(RepoError::Format(FormatError::WrongKey));
    assert_eq!(of_restore_report(&report(Vec::new()), false), ExitStatus::Done);
    assert_eq!(
        of_restore_report(&report(vec![ProblemReason::UnreadableAtBackup]), false),
        ExitStatus::Partial
    );
    assert_eq!(
        of_restore_report(&report(vec![ProblemReason::UnreadableAtBackup, refused()]), false),
        ExitStatus::Failed
    );
    assert_eq!(of_restore_report(&report(vec![refused(), missing()]), false), ExitStatus::Damage);
    let archived = || {
        let (key, class) = ("data/a".to_owned(), "GLACIER".to_owned());
        ProblemReason::Repository(StoreError::Archived { key, class }.into())
    };
    assert_eq!(of_restore_report(&report(vec![archived()]), false), ExitStatus::Archived);
    let partial = vec![archived(), ProblemReason::UnreadableAtBackup];
    assert_eq!(of_restore_report(&report(partial), false), ExitStatus::Archived);
    assert_eq!(of_restore_report(&report(vec![archived(), refused()]), false), ExitStatus::Failed);
    assert_eq!(of_restore_report(&report(vec![archived(), missing()]), false), ExitStatus::Damage);
    // It was removed on purpose.
    assert_eq!(of_restore_report(&report(vec![missing()]), true), ExitStatus::Failed);
    assert_eq!(of_restore_report(&report(Vec::new()), true), ExitStatus::Done);
}
