//! The master keys in a key slot, wrapped with the right key.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| icecore_tests::fuzzing::stored::key_slot_payload(input));
