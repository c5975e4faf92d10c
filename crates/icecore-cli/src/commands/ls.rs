//! `ls`: lists the content of a snapshot.

pub(crate) mod arguments;
mod command;
mod text;

pub(crate) use command::run;
