//! Exclude patterns without effect: an error if it must be a mistake, otherwise a notice.

use std::path::Path;

use icecore_fs::excludes::{Excludes, ExcludesBuilder, IneffectivePattern, PatternRoot};

use super::{BackupFault, SourceKind, SourceRequest};

/// The patterns that have no effect on a source.
#[derive(Clone, Debug)]
pub struct IneffectivePatterns {
    /// Name of the source.
    pub source: String,
    /// The patterns, in the order in which they count.
    pub found: Vec<IneffectivePattern>,
    /// Number of patterns that may be meant for other sources; those that were chosen for the run come after
    /// them.
    before_chosen: usize,
}

impl IneffectivePatterns {
    /// Finds them among all patterns for a source; returns none for a stream.
    pub(super) fn find(
        builder: &ExcludesBuilder,
        excludes: &Excludes,
        before_chosen: usize,
        source: &SourceRequest,
        working_directory: Option<&Path>,
    ) -> Option<Self> {
        let SourceKind::Tree { path, real } = &source.kind else { return None };
        let root = PatternRoot { given: path, real, working_directory };
        Some(Self { source: source.name.clone(), found: builder.ineffective(excludes, root), before_chosen })
    }

    /// Returns the patterns that were chosen for the run, with their positions among these.
    fn chosen(&self) -> impl Iterator<Item = (usize, &IneffectivePattern)> {
        self.found
            .iter()
            .filter_map(|pattern| Some((pattern.index.checked_sub(self.before_chosen)?, pattern)))
    }
}

/// Refuses a pattern that was chosen for the run and has no effect on any of its sources. All others may be
/// meant for other sources.
pub(super) fn refuse(all: &[&IneffectivePatterns]) -> Result<(), BackupFault> {
    let Some((first, others)) = all.split_first() else { return Ok(()) };
    let nowhere = first
        .chosen()
        .find(|(number, _)| others.iter().all(|other| other.chosen().any(|(other, _)| other == *number)));
    nowhere.map_or(Ok(()), |(_, pattern)| Err(BackupFault::IneffectivePattern(Box::new(pattern.clone()))))
}
