//! `completions` and `man`: generated from the description of the command line.

pub(crate) mod arguments;
mod command;

pub(crate) use command::{completions, man};
