use icecore_check::{CheckProblem, CheckReport, ProblemKind, SnapshotCheck};
use icecore_format::ids::{PackName, RunId};

use super::{advice, describe_packs, describe_problems};

fn report() -> CheckReport {
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
    CheckReport { snapshots: vec![snapshot, whole], problems: vec![problem], ..CheckReport::default() }
}

#[test]
fn what_is_missing_may_be_on_its_way() {
    assert!(super::lacks_objects(&report()));
    assert!(!super::lacks_objects(&CheckReport::default()));
}

#[test]
fn damage_is_told_with_what_to_do() {
    let mut text = String::new();
    describe_problems(&mut text, &report(), icecore_check::Severity::Damage);
    assert_eq!(text, "damage: pack-missing data/x: it does not\nexist\n");
    text.clear();
    describe_packs(&mut text, &report());
    let run = RunId::new(1, [1; 10]);
    assert_eq!(text, format!("pack {run}-000000 is needed by 1 snapshot: {}\n", run.snapshot_id()));
    assert!(advice(&report()).contains("1 of 2 snapshots can be restored in full"));
}
