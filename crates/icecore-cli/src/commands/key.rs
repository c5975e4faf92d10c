//! `key`: lists, adds, removes and changes what unlocks the repository.

pub(crate) mod arguments;
mod command;
mod text;

pub(crate) use command::run;
