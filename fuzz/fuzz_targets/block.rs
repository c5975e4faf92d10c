//! A block of one chunk, sealed with the right key: codec, length of the plaintext (u32), compressed body.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| icecore_tests::fuzzing::stored::block(input));
