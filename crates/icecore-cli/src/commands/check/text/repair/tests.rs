use icecore_check::{MarkChange, RepairOutcome, RepairPlan, StoredObject};
use icecore_format::ids::{PackName, RunId};
use icecore_operations::check::{Done, RepairDocument};
use icecore_store::Version;

use super::*;
use icecore_fixtures::documented::assert_documented;

fn object(key: &str) -> StoredObject {
    StoredObject { key: key.to_owned(), version: Version("1".to_owned()) }
}

fn planned() -> Repair {
    let run = RunId([1; 16]);
    let pack = PackName { run, number: 0 };
    let steps = vec![
        RepairStep::RebuildDirectory { pack, from: object("data/a"), replaced: Some(object("meta/packs/a")) },
        RepairStep::MovePack { pack, from: object("data/b"), to: "data/c".to_owned() },
        RepairStep::RetirePack {
            pack,
            sources: Vec::new(),
            retired: vec![object("data/d"), object("meta/packs/d")],
            chunks_lost: 1_234,
        },
        RepairStep::RetireSnapshot { run, object: object("meta/snapshots/e") },
    ];
    let left = vec![("data/f".to_owned(), "its run is at work".to_owned())];
    Repair { before: Vec::new(), plan: RepairPlan { steps, left, ..RepairPlan::default() }, done: None }
}

fn told(repair: &Repair) -> String {
    let mut text = String::new();
    describe(&mut text, repair);
    text
}

#[test]
fn a_plan_is_told() {
    let id = RunId([1; 16]).snapshot_id();
    let expected = format!(
        "repair plan, not carried out yet:\n  \
         meta/packs/{run}-000000 is rebuilt from the copy in data/a\n  \
         data/b is moved to data/c, the location in its pack directory\n  \
         data/d and meta/packs/d into quarantine; intact and stored again: 0 chunks, already lost: 1,234 chunks\n  \
         meta/snapshots/e into quarantine: snapshot {id} is lost, because no copy of it exists\n  \
         data/f is skipped: its run is at work\n",
        run = RunId([1; 16])
    );
    assert_eq!(told(&planned()), expected);
    assert!(!planned().has_lost_snapshots());
    let nothing = Repair { plan: RepairPlan::default(), ..planned() };
    assert_eq!(told(&nothing), "repair: nothing to do\n");
}

#[test]
fn what_was_done_is_told() {
    let run = RunId([1; 16]);
    let outcome = RepairOutcome {
        snapshots_lost: vec![run],
        quarantined: vec!["meta/quarantine/r/data/d".to_owned()],
        ..RepairOutcome::default()
    };
    let marks = vec![MarkChange { run, files: Some(2) }, MarkChange { run, files: None }];
    let repair = Repair { done: Some(Done { outcome, marks }), ..planned() };
    let (text, id) = (told(&repair), run.snapshot_id());
    assert!(text.starts_with("repaired:\n"), "{text}");
    for line in [
        &format!("  snapshot {id} is marked as damaged: 2 damaged files\n"),
        &format!("  snapshot {id} is complete again and no longer marked as damaged\n"),
        "1 object in quarantine under meta/quarantine/r/; delete them by hand",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(repair.has_lost_snapshots());
    assert_documented(&RepairDocument::new(&repair));
}
