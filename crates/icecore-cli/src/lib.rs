//! Arguments → typed request → engine → text or JSON; exit codes; hints; the binary `icecore`.
//!
//! Architecture invariants: the only crate that prints, reads the environment and knows of the argument parser; decides
//! nothing about stored bytes; no secret goes into a message, an argument of another process or a core file.

mod application;
mod arguments;
mod commands;
mod context;
mod credentials;
mod failure;
mod key_file;
mod kms;
mod process;
mod requests;
mod s3;
mod surface;
mod thaw;
mod trust;
mod unlock;
mod watch;

pub use application::run;
pub use process::limits::restart_if_memory_is_limited;
