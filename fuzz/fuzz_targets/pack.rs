//! A pack: from outside, and what stands at its end sealed with the right key.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| icecore_tests::fuzzing::stored::pack(input));
