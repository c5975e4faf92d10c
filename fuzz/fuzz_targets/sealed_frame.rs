//! The frame around a record (codec, lengths, padding), sealed with the right key.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| icecore_tests::fuzzing::stored::sealed_frame(input));
