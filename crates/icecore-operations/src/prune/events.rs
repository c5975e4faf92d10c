//! What happens while packs are removed.

use icecore_prune::{PrunePlan, Survey};

use crate::error::OperationResult;

/// What is about to be removed.
#[derive(Clone, Copy, Debug)]
pub struct PrunePreview<'a> {
    /// What was found in the repository.
    pub survey: &'a Survey,
    /// What is about to be done.
    pub plan: &'a PrunePlan,
}

/// Receiver of what happens while packs are removed.
pub trait PruneEvents {
    /// Shows a plan before it is carried out; after an error, nothing of it is done.
    fn planned(&self, preview: PrunePreview<'_>) -> OperationResult<()>;
}
