//! The pipeline behind a session: compression on the worker threads, and a thread that fills packs in order.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    thread::JoinHandle,
};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use icecore_format::{
    compression::{Codec, Compressor},
    directory::PackDirectory,
    error::FormatResult,
    ids::{GroupId, RunId},
};
use tokio::sync::Semaphore;

use crate::{
    buffers::Buffers,
    environment::Environment,
    error::{RepoError, RepoResult},
    repository::Repository,
    session::{
        WriteOptions,
        assembly::FullBlock,
        filler::{CompressedBlock, Message, PackFiller},
        stages::{Counts, CountsNow, Failure, PACK_STAGE},
        upload::Uploader,
    },
};

/// Maximum number of blocks between submission and their pack, for each worker thread.
const BLOCKS_IN_FLIGHT_PER_WORKER: usize = 3;

/// Handle of the pipeline, held by the session.
#[derive(Debug)]
pub(super) struct Packer {
    environment: Environment,
    compression_level: i32,
    compressors: Arc<Mutex<Vec<Compressor>>>,
    blocks: Buffers,
    messages: Option<Sender<Message>>,
    permits: Sender<()>,
    sequence: u64,
    uploaded: Receiver<PackDirectory>,
    upload_permits: Arc<Semaphore>,
    counts: Arc<Counts>,
    failure: Failure,
    thread: Option<JoinHandle<()>>,
}

impl Packer {
    pub fn start(
        repository: &Repository,
        run: RunId,
        group: GroupId,
        options: WriteOptions,
    ) -> RepoResult<Self> {
        let environment = repository.environment().clone();
        let (messages, inbox) = unbounded();
        let in_flight = environment.workers.current_num_threads() * BLOCKS_IN_FLIGHT_PER_WORKER;
        let (permits, permits_back) = bounded(in_flight);
        let (uploaded_in, uploaded) = unbounded();
        let counts = Arc::new(Counts::default());
        let failure = Failure::default();
        let uploads_max = options.uploads();
        let WriteOptions { compression_level, pack_bytes, verify, .. } = options;
        let uploader =
            Uploader::new(repository, uploads_max, uploaded_in, Arc::clone(&counts), failure.clone());
        let upload_permits = uploader.permits();
        let blocks = Buffers::default();
        let filler = PackFiller {
            environment: environment.clone(),
            keys: Arc::clone(repository.keys()),
            run,
            group,
            pack_bytes,
            verify,
            next_number: 0,
            data: None,
            manifest: None,
            blocks: blocks.clone(),
            uploader,
            counts: Arc::clone(&counts),
            failure: failure.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("icecore-pack".to_owned())
            .spawn(move || filler.run(&inbox, &permits_back))
            .map_err(|_| RepoError::StageLost { stage: PACK_STAGE })?;
        Ok(Self {
            environment,
            compression_level,
            compressors: Arc::default(),
            blocks,
            messages: Some(messages),
            permits,
            sequence: 0,
            uploaded,
            upload_permits,
            counts,
            failure,
            thread: Some(thread),
        })
    }

    /// Hands a block to the workers; waits while too many are in flight.
    pub fn submit(&mut self, block: FullBlock) -> RepoResult<()> {
        self.failure.check()?;
        let (Ok(()), Some(messages)) = (self.permits.send(()), self.messages.clone()) else {
            return Err(self.lost());
        };
        let sequence = self.sequence;
        self.sequence += 1;
        let (compressors, level) = (Arc::clone(&self.compressors), self.compression_level);
        let blocks = self.blocks.clone();
        self.environment.workers.spawn(move || {
            let block = compress(&compressors, level, block, &blocks);
            // Fails only if the packer has ended, which the session notices itself.
            drop(messages.send(Message::Block { sequence, block }));
        });
        Ok(())
    }

    /// Returns the source of buffers for blocks.
    pub fn block_buffers(&self) -> Buffers {
        self.blocks.clone()
    }

    /// Finishes open packs and waits until everything is durable.
    pub fn flush(&mut self) -> RepoResult<()> {
        let (done, finished) = bounded(1);
        let message = Message::Flush { before_sequence: self.sequence, done };
        let sent = self.messages.as_ref().is_some_and(|messages| messages.send(message).is_ok());
        let flushed = sent && finished.recv().is_ok();
        self.failure.check()?;
        if flushed { Ok(()) } else { Err(self.lost()) }
    }

    /// Returns directories of packs that have become durable since the last call.
    pub fn take_uploaded(&self) -> Vec<PackDirectory> {
        self.uploaded.try_iter().collect()
    }

    pub fn counts(&self) -> CountsNow {
        CountsNow {
            bytes_stored: self.counts.bytes_stored.load(Ordering::Relaxed),
            objects_stored: self.counts.objects_stored.load(Ordering::Relaxed),
            bytes_compressed: self.counts.bytes_compressed.load(Ordering::Relaxed),
        }
    }

    /// Returns why the thread has ended.
    fn lost(&self) -> RepoError {
        self.failure.check().err().unwrap_or(RepoError::StageLost { stage: PACK_STAGE })
    }
}

impl Drop for Packer {
    fn drop(&mut self) {
        // Everything that was not flushed is dropped: nobody waits for a store that may never answer.
        self.failure.set(RepoError::Interrupted);
        self.upload_permits.close();
        // The thread ends when no sender is left.
        self.messages = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn compress(
    pool: &Mutex<Vec<Compressor>>,
    level: i32,
    block: FullBlock,
    buffers: &Buffers,
) -> FormatResult<CompressedBlock> {
    let pooled = pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut compressor = pooled.map_or_else(|| Compressor::new(level), Ok)?;
    let FullBlock { kind, plain, chunks } = block;
    let plain_bytes = plain.len() as u32;
    let mut body = buffers.take();
    let codec = compressor.compress(&plain, &mut body)?;
    pool.lock().unwrap_or_else(PoisonError::into_inner).push(compressor);
    let (body, unused) = if codec == Codec::Raw { (plain, body) } else { (body, plain) };
    buffers.give_back(unused);
    Ok(CompressedBlock { kind, codec, body, plain_bytes, chunks })
}

#[cfg(test)]
mod tests;
