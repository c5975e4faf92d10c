//! `restore`: a snapshot, a directory or a file of it, into a directory.

mod actions;
pub(crate) mod arguments;
mod command;
mod receiver;
mod text;

pub(crate) use command::run;
