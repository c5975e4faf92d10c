//! `key`: lists, adds, removes and changes the keys of the repository.

pub(crate) mod arguments;
mod command;
mod text;

pub(crate) use command::run;
