//! `backup`: a snapshot of each path, or of a stream.

pub(crate) mod arguments;
mod command;
mod events;
mod text;

pub(crate) use command::run;
