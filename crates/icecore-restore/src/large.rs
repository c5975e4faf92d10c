//! Restores one large file in segments, with all workers; its list of chunks is streamed.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use icecore_fs::target::{ExistingFile, TargetFile, TargetTree};
use icecore_repo::error::RepoError;

use crate::{
    candidate::Candidate,
    existing,
    file::{self, ChunkWriter},
    holes::{self, HoleState},
    outcome,
    pool::{Gate, Pool},
    report::ProblemReason,
    restoration::Restoration,
    segments::{Segment, Segments},
    verdict::Verdict,
};

/// A large file that is being written; dropping the last reference completes it.
pub(crate) struct LargeFile<'env> {
    restoration: &'env Restoration<'env>,
    tree: &'env TargetTree,
    candidate: Arc<Candidate>,
    verdict: Verdict,
    file: TargetFile,
    existing: Option<ExistingFile>,
    failure: Mutex<Option<ProblemReason>>,
    bytes_told: Mutex<u64>,
    is_restored: Arc<AtomicBool>,
}

impl<'env> LargeFile<'env> {
    /// Begins the file with a temporary name.
    pub fn create(
        restoration: &'env Restoration<'env>,
        tree: &'env TargetTree,
        candidate: Arc<Candidate>,
        existing: Option<ExistingFile>,
        verdict: Verdict,
    ) -> Result<Self, ProblemReason> {
        let file = file::create(restoration, tree, &candidate.entry)?;
        Ok(Self {
            restoration,
            tree,
            candidate,
            verdict,
            file,
            existing,
            failure: Mutex::default(),
            bytes_told: Mutex::default(),
            is_restored: Arc::default(),
        })
    }

    /// Returns the flag that becomes true when the file is complete and has its name.
    pub fn is_restored(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_restored)
    }

    /// Returns whether the previous file may provide chunks.
    pub fn has_existing(&self) -> bool {
        self.existing.is_some()
    }

    /// Notes that the file cannot be completed. The first reason counts that is not about archived data.
    pub fn fail(&self, reason: ProblemReason) {
        let mut failure = self.lock_failure();
        if failure.as_ref().is_none_or(|first| first.is_archived() && !reason.is_archived()) {
            *failure = Some(reason);
        }
    }

    /// Returns whether the rest of the file no longer matters.
    pub fn has_failed(&self) -> bool {
        self.lock_failure().as_ref().is_some_and(|reason| !reason.is_archived())
    }

    /// Returns whether a part of the file is archived: the rest is only searched for archived packs.
    pub fn is_archived(&self) -> bool {
        self.lock_failure().as_ref().is_some_and(ProblemReason::is_archived)
    }

    fn lock_failure(&self) -> MutexGuard<'_, Option<ProblemReason>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes one segment.
    pub fn write(&self, segment: &Segment) {
        if self.has_failed() {
            return;
        }
        match self.write_chunks(segment) {
            Ok(()) => {
                *self.bytes_told.lock().unwrap_or_else(PoisonError::into_inner) += segment.bytes;
                self.restoration.tally.progress_bytes(&self.candidate.entry.path, segment.bytes);
            }
            Err(reason) => self.fail(reason),
        }
    }

    fn write_chunks(&self, segment: &Segment) -> Result<(), ProblemReason> {
        let entry = &self.candidate.entry;
        let looks_only = self.is_archived();
        if let Some(existing) = self.existing.as_ref().filter(|_| !looks_only) {
            let wrong = existing::wrong_chunks(self.restoration, entry, existing, &segment.chunks)?;
            file::fetch(self.restoration, &wrong);
        }
        let mut writer = ChunkWriter::new(self.restoration, entry, &self.file, self.existing.as_ref());
        if looks_only {
            writer.look_only();
        }
        for placed in &segment.chunks {
            self.restoration.check()?;
            writer.write(placed)?;
        }
        writer.end()
    }
}

impl Drop for LargeFile<'_> {
    fn drop(&mut self) {
        let failure = self.failure.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let bytes_told = *self.bytes_told.get_mut().unwrap_or_else(PoisonError::into_inner);
        let outcome = match failure {
            Some(reason) => Err(reason),
            // A worker has ended without writing its segment.
            None if bytes_told != self.candidate.entry.content.bytes() => {
                Err(ProblemReason::Repository(RepoError::StageLost { stage: "restore" }))
            }
            None => file::finish(self.restoration, self.tree, &self.candidate, &self.file, self.verdict),
        };
        self.is_restored.store(outcome.is_ok(), Ordering::Release);
        outcome::finish_object(self.restoration, &self.candidate, bytes_told, outcome);
    }
}

/// Compares a whole large file with its entry, with all workers; ends at the first difference.
pub(crate) fn compare<'env>(
    restoration: &'env Restoration<'env>,
    pool: &Pool<'env>,
    candidate: &Arc<Candidate>,
    existing: &Arc<ExistingFile>,
) -> Result<HoleState, ProblemReason> {
    if existing.metadata().size != candidate.entry.size {
        return Ok(HoleState::Wrong);
    }
    let (gate, is_different) = (Arc::new(Gate::default()), Arc::new(AtomicBool::new(false)));
    let mut segments = Segments::new(restoration.reader, &candidate.entry);
    while !is_different.load(Ordering::Relaxed)
        && let Some(segment) = segments.next()?
    {
        restoration.check()?;
        let (candidate, existing) = (Arc::clone(candidate), Arc::clone(existing));
        let is_different = Arc::clone(&is_different);
        pool.run(&gate, move || {
            if is_different.load(Ordering::Relaxed) {
                return;
            }
            let wrong = existing::wrong_chunks(restoration, &candidate.entry, &existing, &segment.chunks);
            if wrong.is_ok_and(|wrong| wrong.is_empty()) {
                return;
            }
            is_different.store(true, Ordering::Relaxed);
        });
    }
    gate.wait();
    restoration.check()?;
    if is_different.load(Ordering::Relaxed) {
        return Ok(HoleState::Wrong);
    }
    holes::compare(restoration, &candidate.entry, existing)
}
