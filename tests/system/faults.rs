//! Every kind of fault of a store, at every call of every command: the command succeeds and all is right, or
//! it fails with a clear error, and the next run succeeds. Nothing hangs, nothing is silently wrong.
//!
//! `ICECORE_TESTS_FAULT_SHARE` is *n* to try every *n*-th case only (1: all), `ICECORE_TESTS_FAULT_SEEDS` the
//! number of seeds.

mod script;
mod seed;
mod verdict;
