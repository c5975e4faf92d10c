//! The engines, called as libraries and combined as the command line does it: for tests that need thousands
//! of runs.

mod command;
mod error;
mod expectation;
mod host;

pub(crate) use self::{
    command::{Backup, Command, Content, Restore},
    error::EngineError,
    expectation::{Expectation, Expected},
    host::{Host, place, retrying},
};
