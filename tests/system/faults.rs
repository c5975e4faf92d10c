//! Every kind of fault of a store, at every call of every command: the command succeeds and all data is
//! correct, or it fails with a clear error and the next run succeeds. Nothing hangs, and no error stays
//! unnoticed.
//!
//! `ICECORE_TESTS_FAULT_SHARE` is *n* to try only every *n*-th case (1: all), `ICECORE_TESTS_FAULT_SEEDS` the
//! number of seeds.

mod script;
mod seed;
mod verdict;
