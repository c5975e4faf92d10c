//! `check`: verifies the repository.

pub(crate) mod arguments;
mod command;
mod progress;
mod text;

pub(crate) use command::run;
