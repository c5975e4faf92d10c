//! Compressed bytes: codec, length (u32), body.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| icecore_tests::fuzzing::stored::compression(input));
