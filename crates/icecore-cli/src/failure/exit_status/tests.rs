use super::ExitStatus;

#[test]
fn codes_are_those_of_the_contract() {
    let codes = [
        (ExitStatus::Done, 0),
        (ExitStatus::Failed, 1),
        (ExitStatus::Usage, 2),
        (ExitStatus::Partial, 3),
        (ExitStatus::NoRepository, 10),
        (ExitStatus::WrongKey, 12),
        (ExitStatus::Damage, 20),
        (ExitStatus::Archived, 75),
        (ExitStatus::Interrupted, 130),
    ];
    for (status, code) in codes {
        assert_eq!(status.code(), code, "{status:?}");
    }
}

#[test]
fn of_several_results_the_worst_counts() {
    assert_eq!(ExitStatus::Done.max(ExitStatus::Partial), ExitStatus::Partial);
    assert_eq!(ExitStatus::Partial.max(ExitStatus::Failed), ExitStatus::Failed);
    assert_eq!(ExitStatus::Damage.max(ExitStatus::Failed), ExitStatus::Damage);
    assert_eq!(ExitStatus::Archived.max(ExitStatus::Partial), ExitStatus::Archived);
    assert_eq!(ExitStatus::Archived.max(ExitStatus::Failed), ExitStatus::Failed);
    assert_eq!(ExitStatus::Interrupted.max(ExitStatus::Damage), ExitStatus::Interrupted);
}
