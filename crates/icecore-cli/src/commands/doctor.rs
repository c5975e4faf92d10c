//! `doctor`: finds out before the disaster what is missing.

pub(crate) mod arguments;
mod command;
mod text;

pub(crate) use command::run;
