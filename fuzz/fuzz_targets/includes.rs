//! Include patterns, one a line.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| icecore_tests::fuzzing::written::includes(input));
