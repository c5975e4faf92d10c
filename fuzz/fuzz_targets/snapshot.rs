//! The record of a snapshot, sealed with the right key: run, record.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| icecore_tests::fuzzing::stored::snapshot(input));
