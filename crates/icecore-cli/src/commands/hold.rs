//! `hold` and `release`: keep a snapshot whatever the rules of retention say.

pub(crate) mod arguments;
mod command;

pub(crate) use command::{hold, hold_text, release};
