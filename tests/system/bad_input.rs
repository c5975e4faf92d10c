//! Wrong input of every kind: the message is clear, the exit code is right, nothing is lost, and nothing
//! panics.
//!
//! Every run of every test is checked for panics and hangs (see [`crate::harness::Running::wait`]).

mod configuration;
mod damage;
mod keys;
mod paths;
