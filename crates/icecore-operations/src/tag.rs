//! `tag`: adds and removes tags of a snapshot.

mod request;
mod run;

pub use request::TagRequest;
pub use run::run;
