//! `note`: writes a note about a snapshot.

mod request;
mod run;

pub use request::NoteRequest;
pub use run::run;
