//! Packs that records of collections condemn.

use icecore_format::collection::{CollectionRecord, DeadRun};

use super::*;
use crate::bed::collection;

/// Makes a snapshot in a new session; returns how many chunks were new.
fn next(bed: &Bed, contents: &[Vec<u8>]) -> u64 {
    bed.snapshot(contents).completion().unwrap().statistics.chunks_new
}

#[test]
fn a_condemned_pack_counts_as_absent() {
    for bed in Bed::in_both_modes() {
        let contents = noises(3, 10_000, 1);
        assert_eq!(next(&bed, &contents), 3);
        assert_eq!(next(&bed, &contents), 0);
        let packs = bed.listed_packs();
        bed.condemn(1, &packs);
        let snapshot = bed.snapshot(&contents);
        let completion = snapshot.completion().unwrap();
        assert_eq!((completion.statistics.chunks_new, completion.condemned_epoch), (3, 1));
        assert_eq!(next(&bed, &contents), 0, "the new packs are not condemned");
        // The collection removes its packs.
        for key in bed.keys_under("") {
            if packs.iter().any(|pack| key.ends_with(&pack.to_string())) {
                bed.remove(&key);
            }
        }
        let reader = bed.reader();
        let entries = bed::read_manifest(&reader, &ManifestRoot::of(&snapshot).unwrap()).unwrap();
        let read: Vec<_> = entries.iter().map(|entry| bed::read_content(&reader, entry)).collect();
        assert_eq!(read, contents);
    }
}

#[test]
fn packs_of_a_dead_run_count_only_if_they_are_usable() {
    let bed = Bed::new();
    let contents = noises(3, 10_000, 1);
    let run = bed.snapshot(&contents).origin.run;
    let numbers: Vec<u32> = bed.listed_packs().iter().map(|pack| pack.number).collect();
    let dead = |number, usable| {
        let dead_runs = vec![DeadRun { run, usable }];
        bed.put_collection(&CollectionRecord { dead_runs, ..collection(number, &[]) });
    };
    dead(1, numbers);
    assert_eq!(next(&bed, &contents), 0);
    dead(2, Vec::new());
    assert_eq!(next(&bed, &contents), 3);
}

#[test]
fn a_pack_that_is_condemned_after_the_run_has_looked_does_not_stop_it() {
    let bed = Bed::new();
    let contents = noises(3, 10_000, 1);
    bed.snapshot(&contents);
    let mut session = bed.session();
    let root = write_files(&mut session, &contents).unwrap();
    // The collection waits for the run, and finds out then that it needs the packs.
    bed.condemn(1, &bed.listed_packs());
    commit(session, &root).unwrap();
}

#[test]
fn nothing_is_written_while_a_record_does_not_open() {
    let bed = Bed::new();
    bed.set("meta/gc/000001", vec![0; 10]);
    let error = bed.begin(&bed.repository, |_, _| {}).unwrap_err();
    assert!(matches!(&error, RepoError::Collection { key, .. } if key == "meta/gc/000001"), "{error}");
    let states = bed.snapshots().snapshots;
    assert!(matches!(states[0].state, SnapshotState::Aborted { .. }), "nobody need wait for the run");
    assert_eq!(states.len(), 1);
}
