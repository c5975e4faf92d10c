use std::time::Duration;

use icecore_format::{ids::PackName, layout::SNAPSHOTS_PREFIX};
use icecore_repo::session::CommitReport;
use icecore_store::fault::FaultWhen;

use super::*;
use crate::bed::{Bed, next, write_files};

const FILES: &[(&str, u64)] = &[("a", 1), ("b", 2), ("c", 100)];

fn surveyed(bed: &Bed, repository: &Repository) -> Survey {
    let own = bed.announced(repository);
    survey(repository, &mut bed.catalog(), Some(own), &SeenHistory::default()).unwrap()
}

#[test]
fn a_healthy_repository_gives_no_doubts() {
    let bed = Bed::new();
    let first = bed.snapshot(FILES);
    let found = surveyed(&bed, &bed.repository);
    assert!(found.doubts.is_empty(), "{:?}", found.doubts);
    assert_eq!(found.marks.needed.len(), 1);
    assert_eq!(found.marks.needed[0].0, first.origin.run);
    assert!(found.snapshot_objects.len() == 2 && found.records.is_empty());
    assert_eq!(found.packs.len(), bed.packs().len());
}

#[test]
fn every_listing_that_lacks_something_needed_gives_a_doubt() {
    let bed = Bed::new();
    bed.snapshot(FILES);
    bed.snapshot(&[("a", 1), ("d", 7)]);
    let keys: Vec<String> = bed.keys().into_iter().filter(|key| !key.starts_with("meta/keys/")).collect();
    for lost in keys.iter().filter(|key| *key != "icecore") {
        let found = surveyed(&bed, &bed.without(lost));
        assert!(!found.doubts.is_empty(), "{lost}");
    }
}

#[test]
fn a_listing_that_ends_too_early_gives_a_doubt() {
    let bed = Bed::new();
    bed.snapshot(FILES);
    let last = bed.snapshot(FILES);
    // The second run wrote no packs of its own, and no record of the log names it.
    assert!(bed.packs().iter().all(|(_, pack)| pack.name.run != last.origin.run));
    let from = snapshot_key(last.origin.run);
    let repository = bed.forgetful(SNAPSHOTS_PREFIX, FaultWhen::Always, &from, None);
    let found = surveyed(&bed, &repository);
    assert!(matches!(found.doubts[..], [Doubt::OwnRunNotListed, ..]), "{:?}", found.doubts);
}

#[test]
fn a_snapshot_that_is_made_during_the_survey_gives_no_doubt() {
    let bed = Bed::new();
    bed.snapshot(FILES);
    let own = bed.announced(&bed.repository);
    let mut catalog = bed.catalog();
    let mut session = bed.session(&mut catalog, |_| {});
    let root = write_files(&mut session, &[("n", 9)]);
    let found = survey(&bed.repository, &mut bed.catalog(), Some(own), &SeenHistory::default()).unwrap();
    assert!(found.doubts.is_empty(), "{:?}", found.doubts);
    session.commit(&root, &CommitReport::default()).unwrap();
}

#[test]
fn what_does_not_open_gives_a_doubt() {
    let bed = Bed::new();
    let first = bed.snapshot(FILES);
    let directory = format!("meta/packs/{}", PackName { run: first.origin.run, number: 0 });
    for key in [snapshot_key(first.origin.run), directory] {
        let whole = bed.get(&key);
        bed.set(&key, vec![0; whole.len()]);
        let found = survey_of_empty(&bed);
        assert!(matches!(found.doubts[..], [Doubt::Unreadable { .. }, ..]), "{key}: {:?}", found.doubts);
        assert!(found.marks.needed.is_empty());
        bed.set(&key, whole);
    }
}

#[test]
fn a_snapshot_that_was_forgotten_meanwhile_does_not_count() {
    let bed = Bed::new();
    let counts = |run| is_complete(&bed.repository, &mut bed.catalog(), run).unwrap();
    let [kept, forgotten, damaged, lost] =
        [1, 2, 3, 4].map(|number| bed.snapshot(&[("a", number)]).origin.run);
    crate::forget::forget(&bed.repository, forgotten, None).unwrap();
    bed.set(&snapshot_key(damaged), b"noise".to_vec());
    bed.remove(&snapshot_key(lost));
    assert_eq!([kept, forgotten, damaged, lost].map(counts), [true, false, true, true]);
}

#[test]
fn a_first_listing_that_lacks_an_old_run_gives_a_doubt() {
    for (age, is_doubtful) in [(Duration::from_secs(1), false), (Duration::from_hours(1), true)] {
        let bed = Bed::new();
        bed.snapshot(FILES);
        let unneeded = snapshot_key(bed.announced(&bed.repository));
        bed.clock.advance(age);
        let first = FaultWhen::Match(1);
        let repository = bed.forgetful(SNAPSHOTS_PREFIX, first, &unneeded, Some(next(&unneeded)));
        let doubts = surveyed(&bed, &repository).doubts;
        assert_eq!(!doubts.is_empty(), is_doubtful, "{doubts:?}");
    }
}

#[test]
fn another_collector_that_ends_meanwhile_gives_no_doubt() {
    let bed = Bed::new();
    bed.snapshot(FILES);
    let other = bed.announced(&bed.repository);
    let key = snapshot_key(other);
    // It is in the first of the two listings of the snapshots.
    let repository = bed.forgetful(SNAPSHOTS_PREFIX, FaultWhen::Match(2), &key, Some(next(&key)));
    let found = surveyed(&bed, &repository);
    assert!(found.doubts.is_empty(), "{:?}", found.doubts);
}

/// Surveys with a catalogue that knows nothing.
fn survey_of_empty(bed: &Bed) -> Survey {
    let own = bed.announced(&bed.repository);
    let mut catalog = Catalog::in_memory(bed.repository.id()).unwrap();
    survey(&bed.repository, &mut catalog, Some(own), &SeenHistory::default()).unwrap()
}
