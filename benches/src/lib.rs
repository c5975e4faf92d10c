//! Benches of Icecore: each stage beside the bare library that it uses, and whole commands beside other
//! programs.
//!
//! See `docs/performance.md`. This library contains the code that the benches share: data, trees, a
//! repository, a backup.

pub mod backup;
pub mod bed;
pub mod data;
pub mod tree;
