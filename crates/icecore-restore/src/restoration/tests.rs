use std::io;

use icecore_format::ids::ChunkId;
use icecore_fs::error::FsError;
use icecore_repo::error::RepoError;
use icecore_store::error::StoreError;

use super::{Restoration, ends_everything};
use crate::{
    NoEvents, OwnerMapping, ProblemReason, RestoreError, RestoreRequest,
    fixture::{Fixture, directory},
    root::TargetRoot,
    rules::Rules,
    tally::{Standing, Tally},
};

/// Lets an object fail; returns why the restore ended, if it did, and the number of problems.
fn fail(reason: ProblemReason) -> (Option<RestoreError>, u64) {
    let fixture = Fixture::new();
    let request = RestoreRequest::new(fixture.snapshot(vec![directory("")]), "/nowhere");
    let reader = fixture.reader();
    let clock = std::sync::Arc::clone(&fixture.repository.environment().clock);
    let rules = Rules::new(&request, false);
    let standing = Standing { is_privileged: true, owners: OwnerMapping::ByName };
    let tally = Tally::new(&NoEvents, clock, standing);
    let restoration = Restoration::new(&reader, &request, None, TargetRoot::Created, tally, rules);
    restoration.fail_path(b"a", reason);
    let fatal = restoration.take_fatal();
    assert_eq!(restoration.is_stopped(), fatal.is_some());
    (fatal, restoration.tally.finish().problem_count)
}

fn target(kind: io::ErrorKind) -> ProblemReason {
    ProblemReason::Target { source: FsError::new("write the file", "a", io::Error::from(kind)) }
}

#[test]
fn a_full_target_ends_the_restore() {
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
        assert!(matches!(fail(target(kind)), (Some(RestoreError::TargetFull { .. }), 0)));
    }
    assert!(matches!(fail(target(io::ErrorKind::PermissionDenied)), (None, 1)));
}

#[test]
fn only_what_meets_every_file_ends_the_restore() {
    let unavailable =
        StoreError::Unavailable { operation: "get", key: "k".into(), reason: "r".into(), retry_after: None };
    assert!(ends_everything(&RepoError::Store(unavailable)));
    assert!(ends_everything(&RepoError::Interrupted));
    assert!(!ends_everything(&RepoError::Store(StoreError::NotFound { key: "k".into() })));
    assert!(!ends_everything(&RepoError::MissingChunk { id: ChunkId([0; ChunkId::BYTES]) }));
    assert!(matches!(fail(RepoError::Interrupted.into()), (Some(RestoreError::Interrupted), 0)));
}
