//! A node of a chunk list against a reference that is as hostile: level, chunks (u64), bytes (u64), node.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| icecore_tests::fuzzing::stored::chunk_list(input));
