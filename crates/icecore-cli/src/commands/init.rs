//! `init`: creates a repository.

pub(crate) mod arguments;
mod command;
mod text;

pub(crate) use command::run;
pub(crate) use text::announce;
