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
fn a_snapshot_of_a_group_comes_back_with_copies_that_stay() {
    let bed = Bed::new();
    let grouped = |origin: &mut icecore_repo::session::SessionOrigin| origin.dedup = DedupScope::Group;
    let other = bed.snapshot_with(FILES, grouped).origin.run;
    let mut catalog = bed.catalog();
    survey(&bed.repository, &mut catalog, Some(bed.announced(&bed.repository)), &SeenHistory::default())
        .unwrap();
    let run = bed.snapshot_with(FILES, grouped).origin.run;
    bed.update(&mut catalog);
    forget(&bed.repository, run, None).unwrap();
    pruned(&bed, Duration::from_hours(24));
    change_record(&bed, |record| record.state = CollectionState::Sweeping);
    for (_, pack) in bed.packs().iter().filter(|(_, pack)| pack.name.run == run) {
        bed.remove(&pack.pack.as_ref().unwrap().1.key);
        bed.remove(&pack.directory.as_ref().unwrap().key);
    }
    let seen = SeenHistory::default();
    bed.clock.advance(Duration::from_secs(1));
    let back = undo(&bed.repository, &mut catalog, run, "test", &seen).unwrap();
    // The packs of the other group are all that is left.
    forget(&bed.repository, other, None).unwrap();
    for _ in 0..3 {
        bed.clock.advance(Duration::from_hours(50));
        pruned(&bed, Duration::ZERO);
        bed.assert_readable(back.origin.run);
    }
}
