use std::time::Duration;

use icecore_format::{
    collection::{CollectionRecord, DeadRun},
    snapshot::DedupScope,
};

use super::*;
use crate::{
    bed::{Bed, author},
    forget::forget,
    plan::PruneOptions,
    run::prune,
};

const FILES: &[(&str, u64)] = &[("a", 1), ("b", 2), ("c", 100)];

fn pruned(bed: &Bed, grace: Duration) {
    let options = PruneOptions { grace, ..PruneOptions::default() };
    let seen = SeenHistory::default();
    prune(&bed.repository, &mut bed.catalog(), author(), &seen, &options, |_, _| {}).unwrap();
}

fn undone(bed: &Bed, run: RunId) -> PruneResult<Snapshot> {
    bed.clock.advance(Duration::from_secs(1));
    undo(&bed.repository, &mut bed.catalog(), run, "test", &SeenHistory::default())
}

#[test]
fn a_forgotten_snapshot_comes_back_until_its_data_goes() {
    let bed = Bed::new();
    let old = bed.snapshot(FILES);
    let run = old.origin.run;
    assert!(matches!(undone(&bed, run), Err(PruneError::NotForgotten { .. })));
    forget(&bed.repository, run, None).unwrap();
    let back = undone(&bed, run).unwrap();
    assert_eq!(back.origin.identity(bed.repository.id()), old.origin.identity(bed.repository.id()));
    assert_eq!((back.completion(), &back.origin.source), (old.completion(), &old.origin.source));
    // The old one is still forgotten, and goes.
    pruned(&bed, Duration::ZERO);
    bed.assert_readable(back.origin.run);
    assert!(matches!(undone(&bed, run), Err(PruneError::TooLate { .. })));
}

#[test]
fn condemned_packs_are_rescued() {
    let bed = Bed::new();
    let run = bed.snapshot(FILES).origin.run;
    forget(&bed.repository, run, None).unwrap();
    pruned(&bed, Duration::from_hours(24));
    let back = undone(&bed, run).unwrap().origin.run;
    bed.clock.advance(Duration::from_hours(30));
    pruned(&bed, Duration::from_hours(24));
    bed.assert_readable(back);
    let records = collections::list(&bed.repository).unwrap();
    assert!(records.iter().all(|stored| stored.record.packs.is_empty()));
}

#[test]
fn it_is_too_late_when_the_sweep_has_begun() {
    let bed = Bed::new();
    let run = bed.snapshot(FILES).origin.run;
    forget(&bed.repository, run, None).unwrap();
    pruned(&bed, Duration::from_hours(24));
    let [stored] = &collections::list(&bed.repository).unwrap()[..] else { panic!("one record") };
    let mut record = stored.record.clone();
    record.state = CollectionState::Sweeping;
    let condition = PutCondition::Version(stored.version.clone());
    put_record(&bed.repository, &record, condition).unwrap().unwrap();
    assert!(matches!(undone(&bed, run), Err(PruneError::TooLate { .. })));
    pruned(&bed, Duration::ZERO);
    assert!(bed.packs().is_empty());
}

/// Changes the only record.
fn change_record(bed: &Bed, change: impl FnOnce(&mut CollectionRecord)) {
    let [stored] = &collections::list(&bed.repository).unwrap()[..] else { panic!("one record") };
    let mut record = stored.record.clone();
    change(&mut record);
    let condition = PutCondition::Version(stored.version.clone());
    put_record(&bed.repository, &record, condition).unwrap().unwrap();
}

#[test]
fn packs_of_dead_runs_come_back_only_if_they_were_usable() {
    for usable in [true, false] {
        let bed = Bed::new();
        let run = bed.snapshot(FILES).origin.run;
        forget(&bed.repository, run, None).unwrap();
        pruned(&bed, Duration::from_hours(24));
        // As if the packs were those of a run that ended, which the snapshot has used.
        change_record(&bed, |record| {
            let numbers = record.packs.iter().map(|pack| pack.name.number).collect();
            record.dead_runs = vec![DeadRun { run, usable: if usable { numbers } else { Vec::new() } }];
        });
        let result = undone(&bed, run);
        assert_eq!(result.is_ok(), usable, "{result:?}");
    }
}

/// The catalogue keeps a set of the same nodes with packs of another group.
#[test]
fn a_snapshot_of_a_group_does_not_come_back_on_packs_of_another_group() {
    let bed = Bed::new();
    let grouped = |origin: &mut icecore_repo::session::SessionOrigin| origin.dedup = DedupScope::Group;
    bed.snapshot_with(FILES, grouped);
    let (mut catalog, seen) = (bed.catalog(), SeenHistory::default());
    survey(&bed.repository, &mut catalog, Some(bed.announced(&bed.repository)), &seen).unwrap();
    let run = bed.snapshot_with(FILES, grouped).origin.run;
    bed.update(&mut catalog);
    forget(&bed.repository, run, None).unwrap();
    pruned(&bed, Duration::from_hours(24));
    change_record(&bed, |record| record.state = CollectionState::Sweeping);
    bed.clock.advance(Duration::from_secs(1));
    let result = undo(&bed.repository, &mut catalog, run, "test", &seen);
    assert!(matches!(result, Err(PruneError::TooLate { .. })), "{result:?}");
}
