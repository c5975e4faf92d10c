//! A record of the log, sealed with the right key: name, record.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| icecore_tests::fuzzing::stored::log_record(input));
