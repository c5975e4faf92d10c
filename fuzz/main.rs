//! Gives the fuzz targets to libFuzzer; `ICECORE_FUZZ_TARGET` says which.

#![no_main]

use std::sync::OnceLock;

use icecore_tests::fuzzing::TARGETS;

/// The target that was chosen.
static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

libfuzzer_sys::fuzz_target!(
    init: {
        let name = std::env::var("ICECORE_FUZZ_TARGET").unwrap_or_default();
        let found = TARGETS.iter().find(|target| target.name == name);
        let Some(target) = found else { panic!("ICECORE_FUZZ_TARGET names no target: {name:?}") };
        TARGET.get_or_init(|| target.run);
    },
    |input: &[u8]| {
        if let Some(run) = TARGET.get() {
            run(input);
        }
    }
);
