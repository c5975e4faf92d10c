//! `cat`: writes a file of a snapshot to standard output.

pub(crate) mod arguments;
mod command;
mod text;

pub(crate) use command::run;
