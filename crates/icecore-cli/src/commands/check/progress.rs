//! Progress of a check.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use icecore_check::{CheckEvents, CheckPhase, CheckProblem};
use icecore_operations::check::CheckReceiver;

use crate::{
    context::Context,
    surface::progress::{Counters, Progress},
};

/// Shows progress while the repository is read.
pub(super) struct Receiver<'a> {
    pub(super) context: &'a Context,
}

impl CheckReceiver for Receiver<'_> {
    fn begin(&self) -> Box<dyn CheckEvents> {
        let (console, clock) = (&self.context.console, &self.context.access.machine.environment.clock);
        let progress = Progress::start(Arc::clone(console), Arc::clone(clock), self.context.progress_mode);
        Box::new(Events { progress, state: Mutex::default() })
    }
}

struct Events {
    progress: Progress,
    state: Mutex<Counters>,
}

impl Events {
    fn lock(&self) -> MutexGuard<'_, Counters> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CheckEvents for Events {
    fn phase_begins(&self, phase: CheckPhase, objects_total: Option<u64>) {
        let noun = match phase {
            CheckPhase::Snapshots => "snapshot",
            CheckPhase::Directories => "pack directory",
            CheckPhase::Packs => "pack",
            CheckPhase::Manifests => "node",
            CheckPhase::Diagnosis => "suspect pack",
            CheckPhase::Repair => "step",
            _ => "object",
        };
        *self.lock() = Counters { phase: phase.name(), noun, objects_total, ..Counters::default() };
        self.progress(0, 0);
    }

    fn progress(&self, objects: u64, bytes: u64) {
        let mut counters = self.lock();
        counters.objects += objects;
        counters.bytes += bytes;
        let shown = counters.clone();
        drop(counters);
        self.progress.update(|| shown);
    }

    fn problem_found(&self, _: &CheckProblem) {}
}
