//! `note`: writes a note about a snapshot.

pub(crate) mod arguments;
mod command;

pub(crate) use command::run;
