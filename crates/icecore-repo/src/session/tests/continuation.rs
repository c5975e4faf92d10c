//! Sessions that follow each other within one command.

use icecore_store::meter::MeterStore;

use super::*;

/// Writes a snapshot after another session, behind a meter; returns the continuation, and the number of
/// listings.
fn next(bed: &Bed, catalog: &mut Catalog, before: Continuation, contents: &[Vec<u8>]) -> (Continuation, u64) {
    let meter = MeterStore::new(bed.store());
    let repository = bed.repository.on_store(Arc::new(meter.clone()));
    let options = WriteOptions { pack_bytes: 1 << 20, continues: true, ..WriteOptions::default() };
    let mut session = WriteSession::begin_after(repository, catalog, before, bed::origin(), options).unwrap();
    let root = write_files(&mut session, contents).unwrap();
    let (_, _, after) = session.commit_and_continue(&root, &CommitReport::default()).unwrap();
    (after, meter.usage().of_method(Method::List).calls)
}

#[test]
fn a_session_that_follows_another_lists_only_the_records_of_collections() {
    for bed in Bed::in_both_modes() {
        let (old, new) = (noises(3, 10_000, 1), noises(2, 10_000, 50));
        let mut catalog = bed.catalog();
        let (after, listings) = next(&bed, &mut catalog, Continuation::default(), &old);
        assert!(listings > 1, "{listings}");
        let both: Vec<_> = old.iter().chain(&new).cloned().collect();
        let packs = bed.keys_under(DATA_PREFIX).len();
        let (after, listings) = next(&bed, &mut catalog, after, &both);
        assert_eq!(listings, 1);
        assert_eq!(bed.keys_under(DATA_PREFIX).len(), packs + 1, "only the new chunks are uploaded");
        let mut read = bed.read_everything();
        read.sort_by_key(Vec::len);
        assert!(read == [old, both.clone()], "both snapshots are complete");
        // Nothing is new, and the chunks of both sessions are known.
        let packs = bed.keys_under("").len();
        let (_, listings) = next(&bed, &mut catalog, after, &both);
        assert_eq!((listings, bed.keys_under("").len()), (1, packs + 1));
    }
}

#[test]
fn packs_that_were_condemned_between_two_sessions_are_noticed() {
    for bed in Bed::in_both_modes() {
        let contents = noises(3, 10_000, 1);
        let mut catalog = bed.catalog();
        let (after, _) = next(&bed, &mut catalog, Continuation::default(), &contents);
        let packs = bed.listed_packs();
        bed.condemn(1, &packs);
        let (after, listings) = next(&bed, &mut catalog, after, &contents);
        assert!(listings > 1, "everything is read again: {listings}");
        assert_eq!(bed.listed_packs().len(), 2 * packs.len(), "nothing that was condemned is relied on");
        // The record is known now.
        let (after, listings) = next(&bed, &mut catalog, after, &contents);
        assert_eq!((listings, bed.listed_packs().len()), (1, 2 * packs.len()));
        // It changes: some packs are spared, and the others go.
        bed.condemn(1, &packs[..1]);
        assert!(next(&bed, &mut catalog, after, &contents).1 > 1);
    }
}

#[test]
fn condemned_packs_stay_absent_for_the_sessions_that_follow() {
    let bed = Bed::new();
    let (old, new) = (noises(3, 10_000, 1), noises(1, 10_000, 50));
    bed.snapshot(&old);
    let packs = bed.listed_packs();
    bed.condemn(1, &packs);
    let mut catalog = bed.catalog();
    let (after, _) = next(&bed, &mut catalog, Continuation::default(), &new);
    next(&bed, &mut catalog, after, &old);
    let data =
        |name: &PackName| bed.keys_under(DATA_PREFIX).iter().any(|key| key.ends_with(&name.to_string()));
    let uploaded = bed.listed_packs().into_iter().filter(|name| !packs.contains(name) && data(name));
    assert_eq!(uploaded.count(), 2, "the old content is uploaded again");
}

#[test]
fn packs_are_listed_again_after_half_an_hour() {
    let bed = Bed::new();
    let contents = noises(3, 10_000, 1);
    let mut catalog = bed.catalog();
    let (after, _) = next(&bed, &mut catalog, Continuation::default(), &contents);
    for key in bed.keys_under(DATA_PREFIX) {
        bed.remove(&key);
    }
    bed.clock.advance(Duration::from_mins(30));
    let (_, listings) = next(&bed, &mut catalog, after, &contents);
    assert!(listings > 1, "{listings}");
    assert_eq!(bed.keys_under(DATA_PREFIX).len(), 1, "what is gone is uploaded again");
}
