use icecore_format::{
    entry::ChunkRef,
    ids::RunId,
    layout::{DATA_PREFIX, MANIFEST_PREFIX, PACKS_PREFIX},
};
use icecore_store::fault::FaultPlan;

use super::*;
use crate::bed::{Bed, noises};

/// Removes the packs of a snapshot; returns their names.
fn sweep(bed: &Bed, run: RunId) {
    for prefix in [PACKS_PREFIX, DATA_PREFIX, MANIFEST_PREFIX] {
        let hex = run.to_string();
        bed.keys_under(prefix).iter().filter(|key| key.contains(&hex)).for_each(|key| bed.remove(key));
    }
}

#[test]
fn what_was_stored_again_in_another_pack_is_found_there() {
    for bed in Bed::in_both_modes() {
        let contents = noises(20, 10_000, 1);
        let first = bed.snapshot(&contents);
        let looks = bed.reader().that_looks_again(None);
        let does_not = bed.reader();
        // Another host that does not see the packs stores everything again.
        sweep(&bed, first.origin.run);
        bed.clock.advance(Duration::from_secs(1));
        let second = bed.snapshot(&contents);
        assert_ne!(second.origin.run, first.origin.run);
        let chunk = ChunkRef { id: bed.repository.keys().chunk_id(&contents[3]), length: 10_000 };
        assert!(does_not.read(&chunk).unwrap_err().is_missing());
        for content in &contents {
            let id = bed.repository.keys().chunk_id(content);
            assert_eq!(*looks.read(&ChunkRef { id, length: 10_000 }).unwrap(), content[..]);
        }
    }
}

#[test]
fn a_chunk_that_was_nowhere_is_found_when_it_is_stored_later() {
    let bed = Bed::new();
    bed.snapshot(&noises(3, 10_000, 1));
    let (repository, store) = bed.faulty(FaultPlan::new(0));
    let reader = bed.reader_on(&repository, 1 << 20).that_looks_again(None);
    let content = noises(1, 10_000, 9).remove(0);
    let chunk = ChunkRef { id: bed.repository.keys().chunk_id(&content), length: 10_000 };
    let lists = || store.trace().iter().filter(|call| call.key == PACKS_PREFIX).count();
    let before = lists();
    assert!(reader.locate(&chunk).unwrap_err().is_missing());
    assert!(reader.locate(&chunk).unwrap_err().is_missing());
    assert_eq!(lists(), before + 1, "not for each missing chunk");
    bed.snapshot(std::slice::from_ref(&content));
    bed.clock.advance(Duration::from_mins(1));
    assert_eq!(*reader.read(&chunk).unwrap(), content[..]);
    assert_eq!(lists(), before + 2);
}

#[test]
fn only_packs_of_the_group_are_used() {
    let bed = Bed::new();
    let group = bed.snapshot(&noises(3, 10_000, 1)).origin.group;
    let reader = bed.reader().that_looks_again(Some(group));
    let content = noises(1, 10_000, 9).remove(0);
    let chunk = ChunkRef { id: bed.repository.keys().chunk_id(&content), length: 10_000 };
    bed.snapshot(std::slice::from_ref(&content));
    assert!(reader.read(&chunk).unwrap_err().is_missing());
}
