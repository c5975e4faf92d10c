use icecore_check::CheckReport;
use icecore_format::ids::RunId;

use super::{advice, describe_packs, describe_problems};

#[test]
fn what_is_missing_may_be_on_its_way() {
    assert!(super::lacks_objects(&CheckReport::example()));
    assert!(!super::lacks_objects(&CheckReport::default()));
}

#[test]
fn damage_is_told_with_what_to_do() {
    let mut text = String::new();
    describe_problems(&mut text, &CheckReport::example(), icecore_check::Severity::Damage);
    assert_eq!(text, "damage: pack-missing data/x: it does not\nexist\n");
    text.clear();
    describe_packs(&mut text, &CheckReport::example());
    let run = RunId::new(1, [1; 10]);
    assert_eq!(text, format!("pack {run}-000000 is needed by 1 snapshot: {}\n", run.snapshot_id()));
    assert!(advice(&CheckReport::example()).contains("1 of 2 snapshots can be restored in full"));
}
