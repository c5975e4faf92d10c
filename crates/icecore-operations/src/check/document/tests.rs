use icecore_access::Usage;
use icecore_check::{ProblemKind, SnapshotCheck};
use icecore_format::ids::{PackName, RunId};
use icecore_repo::snapshots::SnapshotList;

use super::*;
use icecore_fixtures::documented::assert_documented;

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
    CheckReport { snapshots: vec![snapshot], problems: vec![problem], ..CheckReport::default() }
}

#[test]
fn the_document_has_the_documented_fields() {
    let checked = Checked {
        repository: "/srv/backup".to_owned(),
        report: report(),
        repair: None,
        next: vec![NextCommand::Verify],
        past: Past::default(),
        list: SnapshotList::default(),
        unreadable: Vec::new(),
        usage: Usage::default(),
    };
    let value = serde_json::to_value(CheckDocument::new(&checked)).unwrap();
    assert_eq!(value["healthy"], false);
    assert_eq!(value["problems"][0]["kind"], "pack-missing");
    assert_eq!(value["snapshots"][0]["examples"][0]["path_base64"], "/w==");
    assert_eq!(value["packs_hit"].as_array().unwrap().len(), 1);
    assert_eq!(value["next_commands"][0]["command"], "icecore check --read-data -r /srv/backup");
    assert_documented(&value);
}
