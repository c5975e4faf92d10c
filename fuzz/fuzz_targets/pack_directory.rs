//! The record of a pack directory, sealed with the right key: run, number of the pack (u32), record.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| icecore_tests::fuzzing::stored::pack_directory(input));
