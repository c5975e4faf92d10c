//! Benches of Icecore: each stage compared with the bare library that it uses, and whole commands with other
//! programs.
//!
//! See `docs/performance.md`. This library contains the code that the benches share: data, trees, a
//! repository, a backup.

pub mod backup;
pub mod bed;
pub mod data;
pub mod tree;
