use icecore_fixtures::{documented::assert_documented, snapshots::snapshot};
use icecore_format::{entry::Time, snapshot::Hold};

use super::*;

#[test]
fn notes_and_holds_are_shown() {
    let mut held = snapshot("etc", "here", 1, 1_700_000_000, true);
    let SnapshotState::Complete(completion) = &mut held.state else { unreachable!() };
    let placed = Time { seconds: 1_700_000_000, nanoseconds: 0 };
    completion.note = "before the move".to_owned();
    completion.hold = Some(Hold { until_seconds: Some(1_800_000_000), reason: "audit".to_owned(), placed });
    let changed = Changed { snapshot: held, is_changed: true, usage: Usage::default() };
    let value = serde_json::to_value(ChangedDocument::new(&changed)).unwrap();
    assert_documented(&value);
    assert_eq!(value["changed"], true);
    assert_eq!(value["snapshot"]["note"], "before the move");
    assert_eq!(value["snapshot"]["hold"]["until"], "2027-01-15T08:00:00Z");
    assert_eq!(value["snapshot"]["hold"]["reason"], "audit");
}
