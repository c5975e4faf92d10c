//! Options that several commands share.

pub(crate) mod backup;
pub(crate) mod global;
pub(crate) mod rollback;
