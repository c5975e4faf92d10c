//! `copy`: snapshots into another repository.

pub(crate) mod arguments;
mod command;
mod text;

pub(crate) use command::run;
