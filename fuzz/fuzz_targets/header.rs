//! The header of a repository as anybody who can write to the store may leave it.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| icecore_tests::fuzzing::stored::header(input));
