//! The record of a snapshot, sealed with the right key.

#![no_main]

use icecore_format::{
    ids::RunId,
    seal::{ObjectKind, seal_object},
    snapshot::Snapshot,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|record: &[u8]| {
    let keys = icecore_fuzz::keys();
    let Ok(object) = seal_object(&keys, ObjectKind::Snapshot, &[5; 32], record) else { return };
    let run = RunId([2; 16]);
    if let Ok(snapshot) = Snapshot::open(&keys, run, &object) {
        let again = snapshot.seal(&keys, &[6; 32]).expect("what was read can be written");
        assert_eq!(Snapshot::open(&keys, run, &again), Ok(snapshot));
    }
});
