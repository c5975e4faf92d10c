//! A manifest node: what is accepted obeys the rules, and can be written again.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| icecore_tests::fuzzing::stored::manifest_node(input));
