//! `restore`: restores a snapshot, or a directory or file of it, into a directory.

mod actions;
pub(crate) mod arguments;
mod command;
mod receiver;
mod text;

pub(crate) use command::run;
