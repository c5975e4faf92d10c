//! A reference to a snapshot, with the dates and times in it.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| icecore_tests::fuzzing::written::reference(input));
