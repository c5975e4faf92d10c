//! Whole-system tests of Icecore; see `system/`. The library is what they share with the fuzzer in `fuzz/`.

pub mod fuzzing;
