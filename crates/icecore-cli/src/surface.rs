//! User interface: the two output streams, progress, tables and questions.

pub(crate) mod archived;
pub(crate) mod confirmation;
pub(crate) mod console;
pub(crate) mod json_array;
pub(crate) mod progress;
pub(crate) mod reporter;
pub(crate) mod requests;
pub(crate) mod rollback;
pub(crate) mod table;
pub(crate) mod waiting;
