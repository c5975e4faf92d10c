//! The reader threads from the pipeline's view: it sends jobs, and results come back in any order.

use std::{collections::HashMap, sync::Arc, thread::Scope};

use crossbeam_channel::{Receiver, Sender, bounded};
use icecore_format::entry::Entry;
use icecore_fs::walk::WalkEntry;

use crate::{
    error::{BackupError, BackupResult},
    reading::{
        chunk_tools::ChunkTools,
        job::{Job, PlannedItem, ReadBatch, SEGMENTS_AHEAD, Segment},
        run_reader,
    },
};

/// Reader threads; they end when this is dropped.
pub(super) struct Readers {
    jobs: Sender<Job>,
    results: Receiver<ReadBatch>,
    /// Results that came before their turn.
    finished: HashMap<u64, ReadBatch>,
    /// Number of the next batch.
    sequence: u64,
}

impl Readers {
    /// Starts this many threads.
    pub fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        read_concurrency: usize,
        tools: &Arc<ChunkTools>,
    ) -> Self {
        let (jobs, job_queue) = crossbeam_channel::unbounded();
        let (result_sender, results) = crossbeam_channel::unbounded();
        for _ in 0..read_concurrency {
            let (job_queue, result_sender, tools) =
                (job_queue.clone(), result_sender.clone(), Arc::clone(tools));
            scope.spawn(move || run_reader(&job_queue, &result_sender, &tools));
        }
        Self { jobs, results, finished: HashMap::new(), sequence: 0 }
    }

    /// Sends a batch to the readers; returns its number.
    pub fn read_batch(&mut self, items: Vec<PlannedItem>) -> BackupResult<u64> {
        let sequence = self.sequence;
        self.sequence += 1;
        self.send(Job::Batch { sequence, items })?;
        Ok(sequence)
    }

    /// Sends a long file to the readers; returns the receiver of its segments.
    pub fn read_long_file(&self, entry: Entry, source: WalkEntry) -> BackupResult<Receiver<Segment>> {
        let (sender, segments) = bounded(SEGMENTS_AHEAD);
        self.send(Job::LongFile { source, entry: Box::new(entry), segments: sender })?;
        Ok(segments)
    }

    fn send(&self, job: Job) -> BackupResult<()> {
        self.jobs.send(job).map_err(|_| BackupError::StageLost { stage: "read" })
    }

    /// Takes the available results.
    pub fn collect(&mut self) {
        while let Ok(batch) = self.results.try_recv() {
            self.finished.insert(batch.sequence, batch);
        }
    }

    /// Returns whether the result of a batch has been collected.
    pub fn has_finished(&self, sequence: u64) -> bool {
        self.finished.contains_key(&sequence)
    }

    /// Waits for the result of a batch.
    pub fn wait_for(&mut self, sequence: u64) -> BackupResult<ReadBatch> {
        loop {
            if let Some(batch) = self.finished.remove(&sequence) {
                return Ok(batch);
            }
            let batch = self.results.recv().map_err(|_| BackupError::StageLost { stage: "read" })?;
            self.finished.insert(batch.sequence, batch);
        }
    }
}
