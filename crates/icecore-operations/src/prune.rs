//! `prune`: removes packs that no snapshot needs.

mod document;
mod request;
mod run;

pub use icecore_prune::GRACE;

pub use document::{PackDocument, PruneDocument, RecordDocument};
pub use request::PruneRequest;
pub use run::{Pruned, run};
