use icecore_fixtures::{
    documented::assert_documented,
    snapshots::{complete, origin},
};
use icecore_format::ids::RunId;
use icecore_prune::PackSums;

use super::*;
use crate::{look::Ending, stats::UnusedPacks};

#[test]
fn every_field_is_documented() {
    let content = ChunkSums { chunks: 2, plain_bytes: 50, stored_bytes: 20 };
    let held = SelectionUse {
        snapshots: 1,
        bytes: 100,
        freed: PackSums { packs: 1, bytes: 10 },
        needed: PackSums { packs: 3, bytes: 30 },
        ..SelectionUse::default()
    };
    let holder = HolderUse { host: "h".into(), source: Some("s".into()), bytes_newest: 5, held };
    let snapshot = complete(origin(RunId::new(1, [1; 10])));
    let report = StatsReport {
        objects: vec![ObjectSums { class: ObjectClass::Log, objects: 1, bytes: 2 }],
        content,
        selected: held,
        by_host: vec![HolderUse { source: None, ..holder.clone() }],
        by_source: vec![holder],
        by_snapshot: Some(vec![SnapshotUse { snapshot, held }]),
        by_month: vec![MonthGrowth { month: "2026-11".into(), ..MonthGrowth::default() }],
        unused: UnusedPacks::default(),
        damage: vec![StatsDamage { object: "meta/packs/x".into(), reason: "is damaged".into() }],
        ending: Ending::Well,
        usage: icecore_access::Usage::default(),
    };
    let document = StatsDocument::new(&report);
    assert_documented(&document);
    assert_eq!(document.content.deduplication_ratio, Some(2.0));
    assert_eq!(document.content.compression_ratio, Some(2.5));
    assert_eq!(document.selected.bytes_shared, 20);
}
