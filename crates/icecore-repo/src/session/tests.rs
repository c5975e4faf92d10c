use std::{
    num::NonZeroUsize,
    sync::{Arc, atomic::Ordering},
};

use icecore_format::{
    compression::Codec,
    ids::PackName,
    layout::{
        DATA_PREFIX, GC_PREFIX, MANIFEST_PREFIX, PACKS_PREFIX, SNAPSHOTS_PREFIX, directory_key, snapshot_key,
    },
    snapshot::DedupScope,
};
use icecore_store::{
    error::StoreError,
    fault::{Fault, FaultPlan, FaultWhen, InjectedError},
    method::Method,
};

use super::*;
use crate::{
    bed::{self, Bed, add, commit, noises, write_files, write_manifest},
    manifest::ManifestRoot,
};

mod adoption;
mod collections;
mod continuation;
mod failures;

/// An action that a session can no longer do.
type End = fn(WriteSession, &Bed, &ManifestRoot) -> RepoResult<()>;

fn sizes(bed: &Bed, prefix: &str) -> Vec<usize> {
    bed.keys_under(prefix).iter().map(|key| bed.get(key).len()).collect()
}

fn state_of(bed: &Bed, run: RunId) -> SnapshotState {
    bed.snapshots().by_run(run).unwrap().state.clone()
}

/// Replaces the state of a run's snapshot, as a pruner does.
fn fence(bed: &Bed, session: &WriteSession) {
    let state = SnapshotState::Aborted { reason: "fenced".into() };
    let snapshot = Snapshot { origin: session.origin().clone(), state };
    let object = snapshot.seal(bed.repository.keys(), &bed.repository.environment().salt()).unwrap();
    bed.set(&snapshot_key(session.run()), object);
}

#[test]
fn a_chunk_is_stored_once() {
    let bed = Bed::new();
    let contents = noises(5, 10_000, 1);
    let mut session = bed.session();
    for content in contents.iter().chain(&contents) {
        add(&mut session, content).unwrap();
    }
    assert!(!add(&mut session, &contents[0]).unwrap().1);
    let statistics = session.statistics();
    assert_eq!((statistics.chunks_new, statistics.bytes_new), (5, 50_000));
    let root = write_files(&mut session, &contents).unwrap();
    let snapshot = commit(session, &root).unwrap();
    let recorded = snapshot.completion().unwrap().statistics;
    assert_eq!((recorded.chunks_new, recorded.bytes_new), (5, 50_000));
    assert_eq!(recorded.bytes_stored as usize, sizes(&bed, "").iter().sum::<usize>() - overhead(&bed));
    assert_eq!(bed.read_everything(), [contents]);
}

/// Bytes of the objects other than packs and their directories.
fn overhead(bed: &Bed) -> usize {
    ["icecore", "meta/keys/", SNAPSHOTS_PREFIX]
        .iter()
        .map(
            |prefix| {
                if prefix.ends_with('/') { sizes(bed, prefix).iter().sum() } else { bed.get(prefix).len() }
            },
        )
        .sum()
}

#[test]
fn later_sessions_know_the_chunks_of_earlier_ones() {
    let bed = Bed::new();
    let contents = noises(30, 10_000, 1);
    let mut catalog = bed.catalog();
    let mut session = Bed::begin_with(&mut catalog, &bed.repository, |_, _| {}).unwrap();
    let root = write_files(&mut session, &contents).unwrap();
    let report = CommitReport::default();
    session.commit(&root, &report).unwrap();
    // With the catalogue of the first session, which fetches nothing, and with an empty one.
    let (counted, store) = bed.faulty(FaultPlan::new(0));
    let mut warm =
        WriteSession::begin(counted, &mut catalog, bed::origin(), WriteOptions::default()).unwrap();
    assert!(store.trace().iter().all(|call| call.method != Method::Get), "the catalogue is up to date");
    let mut cold = bed.session();
    for content in &contents {
        assert!(!add(&mut warm, content).unwrap().1);
        assert!(!add(&mut cold, content).unwrap().1);
    }
    assert!(add(&mut cold, b"something new").unwrap().1);
}

#[test]
fn with_group_scope_the_packs_of_other_groups_do_not_count() {
    let bed = Bed::new();
    let contents = noises(3, 10_000, 1);
    let mut session = bed.session();
    let root = write_files(&mut session, &contents).unwrap();
    let first = commit(session, &root).unwrap().origin.group;
    let grouped = |group| {
        bed.begin(&bed.repository, |origin, _| {
            origin.dedup = DedupScope::Group;
            origin.group = group;
        })
        .unwrap()
    };
    let mut own = grouped(None);
    assert_eq!(own.origin().group, own.run());
    assert!(add(&mut own, &contents[0]).unwrap().1, "a full begins its own group");
    let root = write_files(&mut own, &contents).unwrap();
    let second = commit(own, &root).unwrap().origin.group;
    assert_ne!(first, second);
    let mut same = grouped(Some(first));
    assert!(!add(&mut same, &contents[0]).unwrap().1);
    let index = bed.index();
    for group in [first, second] {
        let packs: Vec<_> = index.packs().into_iter().filter(|pack| pack.group == group).collect();
        assert_eq!(packs.len(), 2, "each group has its data and its manifest");
    }
    assert_eq!(bed.keys_under(&format!("{DATA_PREFIX}{first}/")).len(), 1);
    assert_eq!(bed.keys_under(&format!("{DATA_PREFIX}{second}/")).len(), 1);
    assert_eq!(bed.read_everything(), [contents.clone(), contents]);
}

#[test]
fn a_session_that_adds_nothing_stores_only_the_snapshot() {
    let bed = Bed::new();
    let contents = noises(10, 10_000, 1);
    bed.snapshot(&contents);
    let before = bed.keys_under("");
    let (counted, store) = bed.faulty(FaultPlan::new(0));
    let mut session = bed.begin(&counted, |_, _| {}).unwrap();
    let root = write_files(&mut session, &contents).unwrap();
    let snapshot = commit(session, &root).unwrap();
    let puts: Vec<String> =
        store.trace().into_iter().filter(|call| call.method == Method::Put).map(|call| call.key).collect();
    let key = snapshot_key(snapshot.origin.run);
    assert_eq!(puts, [key.clone(), key]);
    assert_eq!(bed.keys_under("").len(), before.len() + 1);
    assert_eq!(snapshot.completion().unwrap().statistics.bytes_stored, 0);
}

#[test]
fn packs_have_the_size_that_was_asked_for() {
    let bed = Bed::new();
    let mut session = bed.session();
    let contents = noises(100, 60_000, 1);
    let root = write_files(&mut session, &contents).unwrap();
    commit(session, &root).unwrap();
    let packs = sizes(&bed, DATA_PREFIX);
    assert_eq!(packs.len(), 6, "{packs:?}");
    // A pack may exceed the target by its last block, its directory and its padding.
    assert!(packs.iter().all(|size| *size < (1 << 20) + 150_000), "{packs:?}");
    assert_eq!(packs.iter().filter(|size| **size < 1 << 20).count(), 1, "{packs:?}");
    assert_eq!(bed.keys_under(MANIFEST_PREFIX).len(), 1);
    assert_eq!(bed.read_everything(), [contents]);
}

#[test]
fn a_pack_of_very_many_chunks_is_full_however_short_they_are() {
    let bed = Bed::new();
    let mut session = bed.session();
    for number in 0..140_000u32 {
        add(&mut session, &number.to_le_bytes()).unwrap();
    }
    let contents = noises(1, 1000, 1);
    let root = write_files(&mut session, &contents).unwrap();
    commit(session, &root).unwrap();
    assert_eq!(sizes(&bed, DATA_PREFIX).len(), 2);
    assert_eq!(bed.read_everything(), [contents]);
}

#[test]
fn blocks_are_compressed_where_that_helps() {
    let bed = Bed::new();
    let mut session = bed.session();
    let mut contents = noises(4, 60_000, 1);
    contents.extend((0..60u8).map(|number| vec![number; 60_000]));
    let root = write_files(&mut session, &contents).unwrap();
    commit(session, &root).unwrap();
    let index = bed.index();
    for (number, content) in contents.iter().enumerate() {
        let place = index.locate(&bed.repository.keys().chunk_id(content)).unwrap().unwrap();
        let (_, block) = index.block(place.block).unwrap();
        assert_eq!(block.codec, if number < 4 { Codec::Raw } else { Codec::Zstd });
    }
    assert_eq!(sizes(&bed, DATA_PREFIX).len(), 1, "the length that counts is the compressed one");
    assert_eq!(bed.read_everything(), [contents]);
}

#[test]
fn everything_is_durable_before_what_refers_to_it() {
    let bed = Bed::new();
    let (repository, store) = bed.faulty(FaultPlan::new(0));
    let mut session = bed.begin(&repository, |_, _| {}).unwrap();
    let run = session.run();
    let root = write_files(&mut session, &noises(40, 60_000, 1)).unwrap();
    commit(session, &root).unwrap();
    let trace = store.trace();
    let position = |method: Method, key: &str| {
        trace.iter().position(|call| call.method == method && call.key == key).unwrap()
    };
    // The run is announced before anything is read.
    let snapshot = snapshot_key(run);
    assert_eq!(position(Method::Put, &snapshot), 0);
    let listed = position(Method::List, PACKS_PREFIX);
    assert!(listed < position(Method::List, DATA_PREFIX), "packs are listed after their directories");
    let mut directories = 0;
    for (kind, prefix) in [(ObjectKind::Data, DATA_PREFIX), (ObjectKind::Manifest, MANIFEST_PREFIX)] {
        for pack in bed.keys_under(prefix) {
            let name = PackName::parse(pack.rsplit('/').next().unwrap()).unwrap();
            let (pack, directory) =
                (position(Method::Put, &pack), position(Method::Put, &directory_key(name)));
            assert!(pack < directory, "{kind:?}");
            directories += 1;
        }
    }
    assert_eq!(directories, 4);
    let puts: Vec<&str> =
        trace.iter().filter(|call| call.method == Method::Put).map(|call| call.key.as_str()).collect();
    assert_eq!(puts.len(), 2 + 2 * directories, "nothing is written twice, and nothing else");
    let last = trace.last().unwrap();
    assert_eq!((last.method, last.key.as_str()), (Method::Put, snapshot.as_str()));
    // A collection that begins later waits for the run: it is not looked for again before the commit.
    let looks: Vec<_> = trace.iter().filter(|call| call.key == GC_PREFIX).collect();
    assert_eq!(looks.len(), 1);
    assert!(position(Method::List, GC_PREFIX) < listed, "directories are listed after the records");
}

#[test]
fn a_run_that_was_ended_by_somebody_else_cannot_commit() {
    let bed = Bed::new();
    let contents = noises(3, 10_000, 1);
    let ends: [End; 3] = [
        |session, _, root| commit(session, root).map(drop),
        |session, _, _| session.abort("reason").map(drop),
        |mut session, bed, _| {
            bed.clock.advance(Duration::from_mins(5));
            session.refresh_if_due()
        },
    ];
    for end in ends {
        let mut session = bed.session();
        let (run, root) = (session.run(), write_files(&mut session, &contents).unwrap());
        fence(&bed, &session);
        assert!(matches!(end(session, &bed, &root), Err(RepoError::Fenced)));
        assert_eq!(state_of(&bed, run), SnapshotState::Aborted { reason: "fenced".into() });
        // Removed altogether.
        let mut session = bed.session();
        let (run, root) = (session.run(), write_files(&mut session, &contents).unwrap());
        bed.remove(&snapshot_key(run));
        assert!(matches!(end(session, &bed, &root), Err(RepoError::Fenced)));
        assert!(bed.snapshots().by_run(run).is_none(), "it is not created anew");
    }
    // The next attempt uses its uploads.
    let mut next = bed.session();
    assert!(!add(&mut next, &contents[0]).unwrap().1);
    let root = write_files(&mut next, &contents).unwrap();
    commit(next, &root).unwrap();
    assert_eq!(bed.read_everything(), [contents]);
}

#[test]
fn a_root_that_was_not_written_is_not_committed() {
    let bed = Bed::new();
    let session = bed.session();
    let (run, totals) = (session.run(), icecore_format::node::Totals::default());
    let root = ManifestRoot { run, node: ChunkId([1; ChunkId::BYTES]), level: 0, totals };
    assert!(matches!(commit(session, &root), Err(RepoError::MissingChunk { .. })));
    assert!(matches!(state_of(&bed, run), SnapshotState::Aborted { .. }));
}

#[test]
fn a_pending_snapshot_is_refreshed_every_five_minutes() {
    let bed = Bed::new();
    let (repository, store) = bed.faulty(FaultPlan::new(0));
    let mut session = bed.begin(&repository, |_, _| {}).unwrap();
    let run = session.run();
    let puts = || store.trace().iter().filter(|call| call.method == Method::Put).count();
    let refreshed = || match state_of(&bed, run) {
        SnapshotState::Pending { refreshed } => refreshed,
        state => panic!("{state:?}"),
    };
    let started = refreshed();
    bed.clock.advance(Duration::from_secs(299));
    session.refresh_if_due().unwrap();
    assert_eq!(puts(), 1);
    bed.clock.advance(Duration::from_secs(1));
    session.refresh_if_due().unwrap();
    session.refresh_if_due().unwrap();
    assert_eq!(puts(), 2);
    assert_eq!(refreshed().seconds, started.seconds + 300);
    bed.clock.advance(Duration::from_hours(2));
    session.refresh_if_due().unwrap();
    session.refresh_if_due().unwrap();
    assert_eq!(puts(), 3);
    let root = write_manifest(&mut session, &[]).unwrap();
    let snapshot = commit(session, &root).unwrap();
    let completion = snapshot.completion().unwrap();
    assert_eq!(completion.statistics.duration_milliseconds, 7_500_000);
    assert_eq!(completion.finished.seconds, started.seconds + 7_500);
}

#[test]
fn a_cancelled_session_stops_and_can_be_aborted() {
    let bed = Bed::new();
    let contents = noises(40, 60_000, 1);
    let mut session = bed.session();
    let (run, _) = (session.run(), write_files(&mut session, &contents).unwrap());
    let mut other = bed.session();
    let other_run = other.run();
    let other_root = write_manifest(&mut other, &[]).unwrap();
    bed.repository.environment().cancelled.store(true, Ordering::Relaxed);
    assert!(matches!(session.refresh_if_due(), Err(RepoError::Interrupted)));
    session.abort("interrupted").unwrap();
    assert!(matches!(commit(other, &other_root), Err(RepoError::Interrupted)));
    let objects = bed.keys_under("").len();
    assert!(matches!(bed.begin(&bed.repository, |_, _| {}), Err(RepoError::Interrupted)));
    assert_eq!(bed.keys_under("").len(), objects, "nothing is written once everything is to stop");
    bed.repository.environment().cancelled.store(false, Ordering::Relaxed);
    assert_eq!(state_of(&bed, run), SnapshotState::Aborted { reason: "interrupted".into() });
    assert_eq!(state_of(&bed, other_run), SnapshotState::Aborted { reason: "interrupted".into() });
    // The next run has everything that was added before.
    let mut next = bed.session();
    for content in &contents {
        assert!(!add(&mut next, content).unwrap().1);
    }
}

#[test]
fn a_long_reason_is_cut() {
    let bed = Bed::new();
    let session = bed.session();
    let run = session.run();
    session.abort(&"ä".repeat(100_000)).unwrap();
    let SnapshotState::Aborted { reason } = state_of(&bed, run) else { panic!("it is not aborted") };
    assert_eq!(reason, "ä".repeat(1_000));
}

#[test]
fn a_dropped_session_leaves_garbage_and_no_damage() {
    let bed = Bed::new();
    let contents = noises(40, 60_000, 1);
    let mut session = bed.session();
    let (run, _) = (session.run(), write_files(&mut session, &contents).unwrap());
    drop(session);
    assert!(matches!(state_of(&bed, run), SnapshotState::Pending { .. }));
    assert_eq!(bed.snapshots().complete(None).count(), 0);
    bed.snapshot(&contents);
    assert_eq!(bed.read_everything(), [contents]);
}

#[test]
fn a_chunk_that_is_not_what_its_id_says_is_never_uploaded() {
    let bed = Bed::new();
    let mut session = bed.session();
    let root = write_manifest(&mut session, &[]).unwrap();
    session.add_chunk(ObjectKind::Data, ChunkId([1; ChunkId::BYTES]), b"content").unwrap();
    assert!(matches!(commit(session, &root), Err(RepoError::SelfVerification { .. })));
    assert_eq!(bed.keys_under(DATA_PREFIX).len(), 0);
    assert_eq!(bed.snapshots().complete(None).count(), 0);
    // Without verification it succeeds: the check above stops it.
    let mut session = bed.begin(&bed.repository, |_, options| options.verify = false).unwrap();
    let root = write_manifest(&mut session, &[]).unwrap();
    session.add_chunk(ObjectKind::Data, ChunkId([1; ChunkId::BYTES]), b"content").unwrap();
    commit(session, &root).unwrap();
    assert_eq!(bed.keys_under(DATA_PREFIX).len(), 1);
}

#[test]
fn the_catalogue_of_a_session_has_the_new_packs() {
    let bed = Bed::new();
    let mut catalog = bed.catalog();
    let mut session = Bed::begin_with(&mut catalog, &bed.repository, |_, _| {}).unwrap();
    let root = write_files(&mut session, &noises(40, 60_000, 1)).unwrap();
    let report = CommitReport { errors: 3, ..CommitReport::default() };
    let (snapshot, written) = session.commit(&root, &report).unwrap();
    assert_eq!(catalog.known_packs().unwrap().len(), 4);
    assert_eq!(written.objects_stored, 8);
    assert_eq!(snapshot.completion().unwrap().errors, 3);
    assert_eq!(snapshot, *bed.snapshots().by_run(snapshot.origin.run).unwrap());
}

#[test]
fn sessions_at_the_same_time_do_not_disturb_each_other() {
    let bed = Bed::new();
    let contents = noises(20, 60_000, 1);
    let (mut first, mut second) = (bed.session(), bed.session());
    for content in &contents {
        assert!(add(&mut first, content).unwrap().1);
        assert!(add(&mut second, content).unwrap().1, "neither sees what the other has not finished");
    }
    for mut session in [first, second] {
        let root = write_files(&mut session, &contents).unwrap();
        commit(session, &root).unwrap();
    }
    assert_eq!(bed.read_everything(), [contents.clone(), contents]);
}

fn failing_puts(prefix: &str, when: FaultWhen) -> FaultPlan {
    FaultPlan::new(0).rule(Some(Method::Put), prefix, when, Fault::Error(InjectedError::NoSpace))
}
