//! `diff`: shows the differences between two snapshots.

pub(crate) mod arguments;
mod command;
mod text;

pub(crate) use command::run;
