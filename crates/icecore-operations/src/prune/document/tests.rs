use std::time::{Duration, SystemTime};

use icecore_fixtures::documented::assert_documented;
use icecore_format::ids::{CollectionNumber, RunId};
use icecore_prune::{KeptPacks, NewRecord, PrunePlan, SweepReport};
use icecore_store::StoreError;

use super::*;

fn record(step: RecordStep) -> RecordPlan {
    let number = CollectionNumber::FIRST;
    RecordPlan {
        number,
        spared: Vec::new(),
        to_prove: Vec::new(),
        spared_snapshots: Vec::new(),
        step,
        packs: 2,
        bytes: 20,
    }
}

#[test]
fn every_field_is_documented() {
    let until = SystemTime::UNIX_EPOCH + Duration::from_hours(24);
    let plan = PrunePlan {
        records: vec![
            record(RecordStep::Wait { runs: vec![RunId::new(1, [1; 10])] }),
            record(RecordStep::Grace { until }),
        ],
        waited: vec![WaitedRun {
            run: RunId::new(1, [1; 10]),
            host: "host".into(),
            source: "home".into(),
            started: icecore_format::entry::Time::default(),
            alive: until,
        }],
        condemned: Some(NewRecord { bytes: 5, ..NewRecord::default() }),
        kept: vec![KeptPacks { why: WhyKept::Resumable, packs: 1, bytes: 10 }],
        ..PrunePlan::default()
    };
    let missing = StoreError::NotFound { key: "data/x".into() };
    let pruned = Pruned {
        plan,
        doubts: vec![icecore_prune::Doubt::OwnRunNotListed],
        dry_run: true,
        grace: Duration::ZERO,
        packs_condemned: 0,
        bytes_condemned: 0,
        repacked: icecore_prune::RepackReport::default(),
        swept: SweepReport { failed: vec![("data/x".into(), missing)], ..SweepReport::default() },
        runs_fenced: 0,
        usage: icecore_access::Usage::default(),
    };
    let document = PruneDocument::new(&pruned);
    assert_documented(&document);
    assert_eq!(document.collections[1].until.as_deref(), Some("1970-01-02T00:00:00Z"));
}
