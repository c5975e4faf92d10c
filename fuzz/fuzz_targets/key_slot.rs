//! A key slot as anybody who can write to the store may leave it.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| icecore_tests::fuzzing::stored::key_slot(input));
