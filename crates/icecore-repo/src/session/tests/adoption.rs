//! Packs that are there without a directory, and directories without their packs.

use super::*;
use crate::bed::{Gate, gets, read_content};
use icecore_format::layout::PackPlace;
use icecore_store::meter::MeterStore;

/// Makes a run whose store stops when the first directory is to be written; returns the run.
fn killed(bed: &Bed, contents: &[Vec<u8>], host: &str) -> RunId {
    let plan = FaultPlan::new(0).rule(Some(Method::Put), PACKS_PREFIX, FaultWhen::Match(1), Fault::Crash);
    let (repository, _) = bed.faulty(plan);
    let begun = bed.begin(&repository, |origin, options| {
        origin.host = host.into();
        // One pack after the other: otherwise the directory of the manifest's pack might come before the data
        // pack.
        options.uploads_max = NonZeroUsize::new(1);
    });
    let mut session = begun.unwrap();
    let run = session.run();
    let written = write_files(&mut session, contents).and_then(|root| commit(session, &root));
    assert!(written.is_err());
    assert!(!bed.keys_under(DATA_PREFIX).is_empty());
    assert!(bed.keys_under(PACKS_PREFIX).is_empty());
    run
}

/// Makes a snapshot on a host; returns how many chunks were new, and a meter of what the run read from the
/// store.
fn next(bed: &Bed, contents: &[Vec<u8>], host: &str) -> (u64, MeterStore) {
    bed.clock.advance(Duration::from_secs(1));
    let meter = MeterStore::new(bed.store());
    let repository = bed.repository.on_store(Arc::new(meter.clone()));
    let mut session = bed.begin(&repository, |origin, _| origin.host = host.into()).unwrap();
    let root = write_files(&mut session, contents).unwrap();
    let snapshot = commit(session, &root).unwrap();
    let reader = bed.reader();
    let entries = bed::read_manifest(&reader, &ManifestRoot::of(&snapshot).unwrap()).unwrap();
    for (entry, content) in entries.iter().zip(contents) {
        assert_eq!(read_content(&reader, entry), *content);
    }
    (snapshot.completion().unwrap().statistics.chunks_new, meter)
}

#[test]
fn what_a_killed_run_has_uploaded_is_not_uploaded_again() {
    let bed = Bed::new();
    let contents = noises(10, 60_000, 1);
    let run = killed(&bed, &contents, "host");
    let before = bed.keys_under(DATA_PREFIX);
    assert_eq!(next(&bed, &contents, "host").0, 0);
    assert_eq!(bed.keys_under(DATA_PREFIX), before);
    assert!(bed.keys_under(PACKS_PREFIX).iter().any(|key| key.contains(&run.to_string())));
}

#[test]
fn a_condemned_pack_gets_no_directory() {
    let bed = Bed::new();
    let contents = noises(10, 60_000, 1);
    let run = killed(&bed, &contents, "host");
    let numbers = 0..bed.keys_under(DATA_PREFIX).len() as u32 + 1;
    bed.condemn(1, &numbers.map(|number| PackName { run, number }).collect::<Vec<_>>());
    assert_eq!(next(&bed, &contents, "host").0, 10);
    assert!(!bed.keys_under(PACKS_PREFIX).iter().any(|key| key.contains(&run.to_string())));
}

#[test]
fn packs_of_a_run_of_another_host_are_left_to_it_while_it_may_live() {
    let bed = Bed::new();
    let contents = noises(10, 60_000, 1);
    let run = killed(&bed, &contents, "another");
    let (new, meter) = next(&bed, &contents, "host");
    assert_eq!(new, 10);
    assert_eq!(meter.usage().of_component("data").bytes_read, 0);
    // Once the run is known to be over, its packs are used.
    let mut snapshot = bed.snapshots().by_run(run).unwrap().clone();
    snapshot.state = SnapshotState::Aborted { reason: "fenced".into() };
    let object = snapshot.seal(bed.repository.keys(), &bed.repository.environment().salt()).unwrap();
    bed.set(&snapshot_key(run), object);
    next(&bed, &contents, "host");
    assert!(bed.keys_under(PACKS_PREFIX).iter().any(|key| key.contains(&run.to_string())));
}

#[test]
fn a_pack_that_does_not_verify_is_not_taken_over() {
    // The header, a block in the middle, the copy of the directory.
    for position in [3, 200_000, usize::MAX] {
        let bed = Bed::new();
        let contents = noises(10, 60_000, 1);
        killed(&bed, &contents, "host");
        let pack = bed.keys_under(DATA_PREFIX).remove(0);
        bed.damage(&pack, |bytes| {
            let position = position.min(bytes.len() - 40);
            bytes[position] ^= 1;
        });
        assert_eq!(next(&bed, &contents, "host").0, 10, "{position}");
        assert!(!bed.keys_under(PACKS_PREFIX).contains(&directory_key(PackPlace::parse(&pack).unwrap().1)));
    }
}

#[test]
fn a_pack_under_the_name_of_another_is_not_taken_over() {
    let bed = Bed::new();
    let contents = noises(10, 60_000, 1);
    killed(&bed, &contents, "host");
    let pack = bed.keys_under(DATA_PREFIX).remove(0);
    let (bytes, (place, name)) = (bed.get(&pack), PackPlace::parse(&pack).unwrap());
    bed.remove(&pack);
    bed.set(&place.key(PackName { number: name.number + 7, ..name }), bytes);
    assert_eq!(next(&bed, &contents, "host").0, 10);
}

#[test]
fn a_lost_directory_is_written_anew() {
    let bed = Bed::new();
    let contents = noises(10, 60_000, 1);
    bed.snapshot(&contents);
    let directories = bed.keys_under(PACKS_PREFIX);
    for key in &directories {
        bed.remove(key);
    }
    assert_eq!(next(&bed, &contents, "host").0, 0);
    assert!(directories.iter().all(|key| bed.keys_under(PACKS_PREFIX).contains(key)));
    let [first, second] = <[_; 2]>::try_from(bed.read_everything()).unwrap();
    assert_eq!((&first, &second), (&contents, &contents));
}

#[test]
fn a_run_goes_on_when_another_one_has_listed_its_pack() {
    let bed = Bed::new();
    let contents = noises(10, 60_000, 1);
    let gate = Gate::new();
    let delay = Fault::Delay(Duration::from_secs(1));
    let plan = FaultPlan::new(0).rule(Some(Method::Put), PACKS_PREFIX, FaultWhen::Always, delay);
    let (repository, _) = bed.faulty_with(plan, Arc::<Gate>::clone(&gate));
    let mut slow = bed.begin(&repository, |_, _| {}).unwrap();
    let root = write_files(&mut slow, &contents).unwrap();
    let run = std::thread::spawn(move || commit(slow, &root).unwrap());
    while bed.keys_under(DATA_PREFIX).is_empty() {
        std::thread::yield_now();
    }
    assert_eq!(next(&bed, &contents, "host").0, 0);
    gate.open();
    let snapshot = run.join().unwrap();
    assert!(snapshot.completion().is_some());
    assert_eq!(bed.read_everything(), [contents.clone(), contents]);
}

#[test]
fn a_foreign_directory_under_the_packs_name_ends_the_run() {
    let bed = Bed::new();
    let contents = noises(10, 60_000, 1);
    let mut session = bed.session();
    bed.set(&directory_key(PackName { run: session.run(), number: 0 }), b"something else".as_slice());
    let root = write_files(&mut session, &contents).unwrap();
    assert!(matches!(commit(session, &root), Err(RepoError::Store(StoreError::AlreadyExists { .. }))));
}

#[test]
fn chunks_of_packs_that_are_gone_or_cut_off_are_uploaded_again() {
    for prefix in [DATA_PREFIX, MANIFEST_PREFIX] {
        for cut_off in [false, true] {
            let bed = Bed::new();
            let contents = noises(10, 60_000, 1);
            bed.snapshot(&contents);
            let pack = bed.keys_under(prefix).remove(0);
            if cut_off {
                bed.damage(&pack, |bytes| bytes.truncate(bytes.len() / 2));
            } else {
                bed.remove(&pack);
            }
            let (new, meter) = next(&bed, &contents, "host");
            assert_eq!(new, if prefix == DATA_PREFIX { 10 } else { 0 });
            assert!(gets(&meter) > 0, "the catalogue was empty");
        }
    }
}
