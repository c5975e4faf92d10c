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
fn a_session_that_follows_another_lists_only_what_is_condemned() {
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
    let bed = Bed::new();
    let contents = noises(3, 10_000, 1);
    let mut catalog = bed.catalog();
    let (after, _) = next(&bed, &mut catalog, Continuation::default(), &contents);
    bed.set("meta/gc/1", vec![0; 10]);
    let options = WriteOptions { pack_bytes: 1 << 20, ..WriteOptions::default() };
    let repository = bed.repository.clone();
    let mut session =
        WriteSession::begin_after(repository, &mut catalog, after, bed::origin(), options).unwrap();
    let root = write_files(&mut session, &contents).unwrap();
    assert!(matches!(commit(session, &root), Err(RepoError::NewerMaintenance)));
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
