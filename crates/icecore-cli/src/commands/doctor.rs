//! `doctor`: finds problems before a disaster.

pub(crate) mod arguments;
mod command;
mod text;

pub(crate) use command::run;
