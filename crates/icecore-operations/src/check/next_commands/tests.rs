use icecore_check::{CheckProblem, SnapshotCheck};
use icecore_format::{ids::RunId, snapshot::Snapshot};

use super::*;
use icecore_fixtures::snapshots::snapshot;

fn hurt(runs: &[RunId]) -> CheckReport {
    let check = |run: &RunId| SnapshotCheck {
        run: *run,
        opens: true,
        restorable: false,
        files_damaged: 1,
        examples: Vec::new(),
        packs_damaged: Vec::new(),
        mark: None,
    };
    CheckReport { snapshots: runs.iter().map(check).collect(), ..CheckReport::default() }
}

fn listed(snapshots: Vec<Snapshot>) -> SnapshotList {
    SnapshotList { snapshots, ..SnapshotList::default() }
}

fn commands(stage: Stage, snapshots: Vec<Snapshot>) -> Vec<(String, Option<String>)> {
    let runs: Vec<_> = snapshots.iter().map(|snapshot| snapshot.origin.run).collect();
    let next = next_commands(true, stage, &hurt(&runs), &listed(snapshots));
    next.iter().map(|next| (next.line("/srv/my backup"), next.host().map(str::to_owned))).collect()
}

#[test]
fn a_damaged_repository_is_looked_at_repaired_backed_up_and_verified() {
    let mut shop = snapshot("shop", "there", 2, 100, true);
    shop.origin.root = b"db.sql".to_vec();
    shop.origin.command = ["pg_dump", "it's"].map(str::to_owned).to_vec();
    let mut etc = snapshot("etc", "here", 1, 100, true);
    etc.origin.root = b"/etc".to_vec();
    etc.origin.dedup = DedupScope::Repository;
    shop.origin.dedup = DedupScope::Group;
    let all = commands(Stage::Checked, vec![etc.clone(), shop.clone()]);
    let expected = [
        ("icecore check --repair --dry-run --read-data -r '/srv/my backup'", None),
        ("icecore check --repair --read-data -r '/srv/my backup'", None),
        ("icecore backup /etc --name etc -r '/srv/my backup'", Some("here")),
        (
            "icecore backup --command db.sql --name shop --dedup group -r '/srv/my backup' -- pg_dump 'it'\\''s'",
            Some("there"),
        ),
        ("icecore check --read-data -r '/srv/my backup'", None),
    ];
    let expected = expected.map(|(command, host)| (command.to_owned(), host.map(str::to_owned)));
    assert_eq!(all, expected);
    assert_eq!(commands(Stage::Planned, vec![etc.clone(), shop.clone()]), expected[1..]);
    assert_eq!(commands(Stage::Repaired, vec![etc.clone(), shop]), expected[2..]);
    // One backup repairs all snapshots of a source.
    let mut newer = etc.clone();
    newer.origin.run = RunId([9; 16]);
    newer.origin.root = b"/new/etc".to_vec();
    let [(backup, _), _] = &commands(Stage::Repaired, vec![etc, newer])[..] else { panic!("one backup") };
    assert_eq!(backup, "icecore backup /new/etc --name etc -r '/srv/my backup'");
}

#[test]
fn a_mark_without_need_is_taken_away_by_a_repair() {
    let kind = ProblemKind::SnapshotWholeAgain;
    let problem = CheckProblem { severity: kind.severity(), object: None, kind, detail: String::new() };
    let report = CheckReport { problems: vec![problem], ..CheckReport::default() };
    let list = SnapshotList::default();
    let next = |stage| next_commands(false, stage, &report, &list);
    assert_eq!(next(Stage::Checked)[0].line("/r"), "icecore check --repair -r /r");
    assert_eq!(next(Stage::Repaired), []);
    assert_eq!(next_commands(false, Stage::Checked, &CheckReport::default(), &list), []);
}
