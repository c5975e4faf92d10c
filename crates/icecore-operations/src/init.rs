//! `init`: creates a repository with its first key.

mod document;
mod error;
mod request;
mod run;

pub use document::CreatedDocument;
pub use error::InitError;
pub use request::{FIRST_KEY_LABEL, InitRequest};
pub use run::run;
