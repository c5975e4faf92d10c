//! Arguments → typed request → engine → text or JSON; exit codes; hints; the binary `icecore`.
//!
//! Architecture invariants: the only crate that prints, reads the environment and knows of the argument parser; decides
//! nothing about stored bytes; no secret goes into a message, an argument of another process or a core file.

mod application;
mod arguments;
mod commands;
mod configuration;
mod confirmation;
mod console;
mod context;
mod credentials;
mod directories;
mod documents;
mod environment_variables;
mod exit_status;
mod failure;
mod key_file;
mod kms;
mod limits;
mod logging;
mod memory;
mod network_hint;
mod process;
mod progress;
pub mod reference;
mod requests;
mod s3;
mod table;
mod text;
mod thaw;
mod trust;
mod unlock;
mod waiting;
mod watch;

pub use application::run;
pub use limits::restart_if_memory_is_limited;
