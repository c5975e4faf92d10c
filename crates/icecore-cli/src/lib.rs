//! Arguments → typed request → engine → text or JSON; exit codes; hints; the binary `icecore`.
//!
//! Architecture invariants: the only crate that prints, reads the environment and knows the argument parser;
//! decides nothing about stored bytes; never puts a secret into a message, an argument of another process or
//! a core file.

mod application;
mod arguments;
mod command_line;
mod commands;
mod context;
mod failure;
mod process;
mod surface;

pub use application::run;
pub use process::limits::restart_if_memory_is_limited;
