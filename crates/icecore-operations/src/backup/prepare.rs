//! Finds all mistakes in a request before anything is written.

use std::path::Path;

use icecore_access::RepositoryAccess;
use icecore_fs::excludes::Excludes;

use super::{
    BackupFault, BackupOptions, BackupReport, BackupRequest, BackupRunEvents, BackupRunNotice,
    IneffectivePatterns, SourceKind, SourceReport, SourceRequest, events::end_source, patterns,
};
use crate::{
    error::{OperationError, OperationResult},
    overlap,
};

/// A request without mistakes as a whole.
#[derive(Debug)]
pub struct PreparedBackup {
    pub(super) sources: Vec<PreparedSource>,
    pub(super) options: BackupOptions,
}

/// A source with its patterns.
#[derive(Debug)]
pub(super) struct PreparedSource {
    pub(super) request: SourceRequest,
    pub(super) excludes: Excludes,
    /// Patterns without effect; none for a stream, because nothing of it is left out.
    pub(super) ineffective: Option<IneffectivePatterns>,
}

/// Checks a request, and reports patterns without effect.
pub fn prepare(
    access: &RepositoryAccess,
    request: BackupRequest,
    events: &dyn BackupRunEvents,
) -> OperationResult<PreparedBackup> {
    let BackupRequest { sources, options, working_directory } = request;
    for source in &sources {
        if let SourceKind::Tree { path, real } = &source.kind {
            overlap::refuse_source(access, path, real)?;
        }
    }
    let sources = sources
        .into_iter()
        .map(|source| PreparedSource::new(source, working_directory.as_deref()))
        .collect::<Result<Vec<_>, BackupFault>>()?;
    let found: Vec<_> = sources.iter().filter_map(|source| source.ineffective.as_ref()).collect();
    patterns::refuse(&found)?;
    for patterns in found.into_iter().filter(|patterns| !patterns.found.is_empty()) {
        events.notice(&BackupRunNotice::Ineffective(patterns));
    }
    Ok(PreparedBackup { sources, options })
}

impl PreparedSource {
    fn new(request: SourceRequest, working_directory: Option<&Path>) -> Result<Self, BackupFault> {
        request.settings.check_tags()?;
        let mut builder = Excludes::builder();
        let before_chosen = request.settings.add_patterns(&mut builder)?;
        let excludes = builder.build().map_err(BackupFault::Exclude)?;
        let ineffective =
            IneffectivePatterns::find(&builder, &excludes, before_chosen, &request, working_directory);
        Ok(Self { request, excludes, ineffective })
    }
}

impl PreparedBackup {
    /// Returns whether there will be no snapshot at all, so the repository is not needed.
    pub fn is_hopeless(&self) -> bool {
        self.sources.iter().all(|source| matches!(source.request.kind, SourceKind::Failed(_)))
    }

    /// Reports for every source why there is no snapshot.
    pub fn give_up(self, events: &dyn BackupRunEvents) -> OperationResult<BackupReport> {
        let mut report = BackupReport::new(self.options.dry_run);
        for PreparedSource { request: SourceRequest { shown, name, kind, .. }, .. } in self.sources {
            let error = match kind {
                SourceKind::Failed(error) => error,
                _ => OperationError::Interrupted,
            };
            end_source(&mut report, SourceReport::failed(shown, name, error), events)?;
        }
        Ok(report)
    }
}
