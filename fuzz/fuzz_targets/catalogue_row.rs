//! A pack directory as it lies in the catalogue: whether the length of the pack is known (1 byte), row.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| icecore_tests::fuzzing::stored::catalogue_row(input));
