use super::*;
use icecore_fixtures::snapshots::snapshot;

#[test]
fn newer_snapshots_are_counted() {
    let found = snapshot("etc", "web", 2, 200, true);
    let one = NewestWhole {
        source: "etc",
        host: "web",
        snapshot: Some(&found),
        newer_damaged: 1,
        newer_missing: 3,
    };
    assert_eq!(newer(&one), " (1 newer snapshot damaged, 3 newer snapshots missing)");
    let none = NewestWhole { snapshot: None, newer_damaged: 0, newer_missing: 1, ..one };
    assert_eq!(newer(&none), " (1 snapshot missing)");
}
