//! `hold` and `release`: keep a snapshot whatever the rules of retention say.

mod request;
mod run;

pub use request::{HoldRequest, ReleaseRequest};
pub use run::{hold, release};
