//! `snapshots`: lists the recovery points.

pub(crate) mod arguments;
mod command;
mod text;

pub(crate) use command::run;
