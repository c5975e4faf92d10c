//! Reader threads: they take jobs, read files and turn them into chunks.

pub(crate) mod again;
pub(crate) mod chunk_tools;
pub(crate) mod cutter;
pub(crate) mod job;
pub(crate) mod long_files;

mod attributes;
mod file;
mod small_files;
mod tail;

use crossbeam_channel::{Receiver, Sender};

use self::{
    chunk_tools::ChunkTools,
    job::{Job, ReadBatch},
    small_files::BatchBuffers,
};

/// Works until there are no more jobs, or the receiver of results has ended.
pub(crate) fn run_reader(jobs: &Receiver<Job>, results: &Sender<ReadBatch>, tools: &ChunkTools) {
    let mut buffers = BatchBuffers::default();
    for job in jobs {
        match job {
            Job::Batch { sequence, items } => {
                if results.send(small_files::read_batch(sequence, items, &mut buffers, tools)).is_err() {
                    return;
                }
            }
            Job::LongFile { source, entry, segments } => {
                long_files::read_file(&source, &entry, &segments, tools);
            }
        }
    }
}
