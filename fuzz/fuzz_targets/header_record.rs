//! The record in the header of a repository, sealed with the right key.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| icecore_tests::fuzzing::stored::header_record(input));
