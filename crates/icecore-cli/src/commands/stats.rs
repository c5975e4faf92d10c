//! `stats`: what the repository holds, and what each source and snapshot holds alone.

pub(crate) mod arguments;
mod command;
mod text;

pub(crate) use command::run;
