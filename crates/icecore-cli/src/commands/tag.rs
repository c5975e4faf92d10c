//! `tag`: adds and removes tags of a snapshot.

pub(crate) mod arguments;
mod command;

pub(crate) use command::run;
