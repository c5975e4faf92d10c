//! `prune`: removes packs that no snapshot needs.

pub(crate) mod arguments;
mod command;
mod text;

pub(crate) use command::{prune, run};
pub(crate) use text::report;
