use super::*;

#[test]
fn a_failure_stays() {
    let failure = Failure::default();
    failure.check().unwrap();
    failure.set(RepoError::Fenced);
    failure.set(RepoError::LastSlot);
    assert!(matches!(failure.check(), Err(RepoError::Fenced)), "the first one is reported");
    assert!(failure.is_set());
    failure.set(RepoError::LastSlot);
    assert!(matches!(failure.check(), Err(RepoError::StageLost { .. })));
    assert!(matches!(failure.check(), Err(RepoError::StageLost { .. })));
}
