//! Everything that can be wrong from the outside: a clear message, the right exit code, nothing lost, no
//! panic.
//!
//! That no run panics or hangs is checked for every run of every test (see
//! [`crate::harness::Running::wait`]).

mod configuration;
mod damage;
mod keys;
mod paths;
