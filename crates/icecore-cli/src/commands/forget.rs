//! `forget`: marks snapshots as deleted, by name or by rules of retention, and brings them back.

pub(crate) mod arguments;
mod command;
mod rules;
mod text;

pub(crate) use command::run;
