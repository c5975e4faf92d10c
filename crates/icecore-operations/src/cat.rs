//! `cat`: the content of a file of a snapshot.

mod request;
mod run;

pub use request::CatRequest;
pub use run::{CatSink, run};
