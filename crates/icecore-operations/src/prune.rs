//! `prune`: removes packs that no snapshot needs.

mod document;
mod events;
mod request;
mod run;

pub use document::{PackDocument, PruneDocument, RecordDocument};
pub use events::{PruneEvents, PrunePreview};
pub use request::PruneRequest;
pub use run::{Pruned, run};
