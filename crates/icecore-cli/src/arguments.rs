//! Options that several commands share.

pub(crate) mod global;
pub(crate) mod rollback;
pub(crate) mod values;
