//! Whole-system tests of Icecore; see `system/`. This library contains the code that they share with the
//! fuzzer in `fuzz/`.

pub mod fuzzing;
