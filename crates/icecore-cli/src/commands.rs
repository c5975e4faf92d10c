//! The commands: each turns its arguments into a request to an engine, and the engine's report into text or JSON.

pub(crate) mod backup;
pub(crate) mod cat;
pub(crate) mod check;
pub(crate) mod copy;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod ls;
pub(crate) mod restore;
pub(crate) mod shell;
pub(crate) mod snapshots;
