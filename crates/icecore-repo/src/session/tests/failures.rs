//! Stores that fail, crash, panic or do not answer.

use std::num::NonZeroUsize;

use super::*;
use crate::bed::{Gate, PanickingSleep, must_end};

/// Acts like an engine: aborts a run that fails.
fn run(bed: &Bed, repository: &Repository, contents: &[Vec<u8>]) -> RepoResult<Snapshot> {
    let mut session = bed.begin(repository, |_, _| {})?;
    bed.clock.advance(Duration::from_mins(6));
    let written = session.refresh_if_due().and_then(|()| write_files(&mut session, contents));
    match written {
        Ok(root) => commit(session, &root),
        Err(error) => {
            drop(session.abort(&error.to_string()));
            Err(error)
        }
    }
}

/// Whatever happened to earlier runs: complete snapshots are readable, and a new run succeeds.
fn recovers(bed: &Bed, contents: &[Vec<u8>]) {
    for found in bed.read_everything() {
        assert_eq!(found, contents);
    }
    bed.clock.advance(Duration::from_secs(1));
    let snapshot = run(bed, &bed.repository, contents).unwrap();
    let everything = bed.read_everything();
    assert!(everything.iter().all(|found| found == contents));
    assert_eq!(bed.snapshots().latest_of("source", "host").unwrap().origin.run, snapshot.origin.run);
}

#[test]
fn whichever_call_fails_the_next_run_succeeds() {
    must_end(|| {
        let contents = noises(40, 60_000, 1);
        let calls = {
            let bed = Bed::new();
            let (repository, store) = bed.faulty(FaultPlan::new(0));
            run(&bed, &repository, &contents).unwrap();
            store.calls()
        };
        assert!(calls >= 13, "{calls} calls");
        let faults =
            [Fault::Error(InjectedError::NoSpace), Fault::LostReply, Fault::Crash, Fault::CrashAfter];
        for fault in faults {
            for call in 1..=calls {
                let bed = Bed::new();
                let (repository, store) = bed.faulty(FaultPlan::new(0).at_call(call, fault.clone()));
                let result = run(&bed, &repository, &contents);
                assert!(result.is_err(), "call {call} of {calls} failed ({fault:?}), but not the run");
                let complete = bed.snapshots().complete(None).count();
                // Only a commit that was applied, with a lost answer, leaves a snapshot.
                let applied = matches!(fault, Fault::LostReply | Fault::CrashAfter);
                assert_eq!(complete, usize::from(call == calls && applied), "call {call}: {fault:?}");
                drop(store);
                recovers(&bed, &contents);
            }
        }
    });
}

#[test]
fn a_lost_pack_is_not_forgotten_when_its_error_is() {
    must_end(|| {
        for prefix in [DATA_PREFIX, PACKS_PREFIX, MANIFEST_PREFIX] {
            let bed = Bed::new();
            let contents = noises(60, 60_000, 1);
            let (repository, _) = bed.faulty(failing_puts(prefix, FaultWhen::Match(1)));
            let mut session = bed.begin(&repository, |_, _| {}).unwrap();
            let run = session.run();
            // A caller that ignores errors.
            let mut errors = 0;
            for content in contents.iter().cycle().take(120) {
                errors += usize::from(add(&mut session, content).is_err());
            }
            let root = loop {
                match write_files(&mut session, &contents) {
                    Ok(root) => break root,
                    Err(_) => errors += 1,
                }
            };
            assert!(commit(session, &root).is_err(), "{prefix} ({errors} errors before)");
            assert!(matches!(state_of(&bed, run), SnapshotState::Aborted { .. }));
            recovers(&bed, &contents);
        }
    });
}

#[test]
fn an_error_of_an_upload_reaches_the_writer_with_its_reason() {
    must_end(|| {
        let bed = Bed::new();
        let (repository, _) = bed.faulty(failing_puts(DATA_PREFIX, FaultWhen::Always));
        let mut session = bed.begin(&repository, |_, _| {}).unwrap();
        let error = (0..).find_map(|seed| add(&mut session, &bed::noise(60_000, seed)).err()).unwrap();
        assert!(matches!(error, RepoError::Store(StoreError::NoSpace { .. })), "{error}");
        let run = session.run();
        session.abort("no space").unwrap();
        assert_eq!(state_of(&bed, run), SnapshotState::Aborted { reason: "no space".into() });
    });
}

#[test]
fn an_upload_that_panics_is_a_failed_one() {
    must_end(|| {
        for prefix in [DATA_PREFIX, PACKS_PREFIX, MANIFEST_PREFIX] {
            let bed = Bed::new();
            let contents = noises(3, 10_000, 1);
            let fault = Fault::Delay(Duration::from_secs(1));
            let plan = FaultPlan::new(0).rule(Some(Method::Put), prefix, FaultWhen::Match(1), fault);
            let (repository, _) = bed.faulty_with(plan, Arc::new(PanickingSleep));
            let result = run(&bed, &repository, &contents);
            assert!(matches!(result, Err(RepoError::StageLost { .. })), "{prefix}: {result:?}");
            recovers(&bed, &contents);
        }
    });
}

#[test]
fn a_dropped_session_does_not_wait_for_a_store_that_does_not_answer() {
    must_end(|| {
        let bed = Bed::new();
        let fault = Fault::Delay(Duration::from_secs(1));
        let plan = FaultPlan::new(0).rule(Some(Method::Put), DATA_PREFIX, FaultWhen::Always, fault);
        let gate = Gate::new();
        let (repository, store) = bed.faulty_with(plan, Arc::<Gate>::clone(&gate));
        let mut session =
            bed.begin(&repository, |_, options| options.uploads_max = Some(NonZeroUsize::MIN)).unwrap();
        // One pack is stuck, the next one waits for its turn, and more blocks wait behind it: few enough that
        // the session itself does not have to wait.
        for content in noises(36, 60_000, 1) {
            add(&mut session, &content).unwrap();
        }
        while session.statistics().bytes_compressed < 36 * 60_000 {
            std::thread::yield_now();
        }
        drop(session);
        assert!(store.trace().iter().any(|call| call.key.starts_with(DATA_PREFIX)), "one upload has begun");
        assert_eq!(bed.keys_under(DATA_PREFIX).len(), 0);
        gate.open();
    });
}

#[test]
fn memory_is_bounded_while_the_store_does_not_answer() {
    must_end(|| {
        let bed = Bed::new();
        let fault = Fault::Delay(Duration::from_secs(1));
        let plan = FaultPlan::new(0).rule(Some(Method::Put), DATA_PREFIX, FaultWhen::Always, fault);
        let gate = Gate::new();
        let (repository, _) = bed.faulty_with(plan, Arc::<Gate>::clone(&gate));
        let mut session =
            bed.begin(&repository, |_, options| options.uploads_max = Some(NonZeroUsize::MIN)).unwrap();
        let added = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = Arc::clone(&added);
        let contents = noises(200, 60_000, 1);
        let writer = std::thread::spawn(move || {
            for content in &contents {
                add(&mut session, content).unwrap();
                counter.fetch_add(1, Ordering::SeqCst);
            }
            let root = write_files(&mut session, &contents).unwrap();
            commit(session, &root).unwrap();
            contents
        });
        // The writer stops: one pack on its way, one waiting, and the blocks in flight.
        let (mut seen, mut quiet) = (0, 0);
        while quiet < 100_000 {
            std::thread::yield_now();
            let now = added.load(Ordering::SeqCst);
            quiet = if now == seen && now > 30 { quiet + 1 } else { 0 };
            seen = now;
        }
        assert!(added.load(Ordering::SeqCst) <= 36 + 6 + 2, "{seen} chunks were taken");
        gate.open();
        let contents = writer.join().unwrap();
        assert_eq!(bed.read_everything(), [contents]);
    });
}
