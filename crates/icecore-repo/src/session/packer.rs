//! The pipeline behind a session: compression on the worker threads, one thread that fills packs in order.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use icecore_format::{
    compression::{Codec, Compressor},
    directory::{ChunkInfo, PackDirectory},
    error::{FormatError, FormatResult},
    ids::{GroupId, PackName, RunId},
    keys::Keys,
    pack::{BlockOpener, FinishedPack, PackBuilder},
    seal::ObjectKind,
};
use rayon::prelude::*;
use tokio::sync::Semaphore;

use crate::{
    buffers::Buffers,
    environment::Environment,
    error::{RepoError, RepoResult},
    repository::Repository,
    session::{WriteOptions, assembly::FullBlock, upload::Uploader},
};

const STAGE: &str = "pack";
/// Packs of manifest nodes stay small: they are read in pieces and never become cold.
const MANIFEST_PACK_BYTES_MAX: u64 = 16 << 20;
/// A pack of this many chunks is full, however short they are: who looks for one of its chunks reads the whole directory,
/// and an index on disk keeps the directories that were used last.
const PACK_CHUNKS_TARGET: usize = 1 << 17;
/// Blocks that may be between submission and their pack, for each worker thread.
const BLOCKS_IN_FLIGHT_PER_WORKER: usize = 3;

/// What the packer is told when it starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackerOptions {
    options: WriteOptions,
}

impl From<WriteOptions> for PackerOptions {
    fn from(options: WriteOptions) -> Self {
        Self { options }
    }
}

/// A compressed block on its way to its pack.
struct CompressedBlock {
    kind: ObjectKind,
    codec: Codec,
    /// Compressed bytes, or the plaintext if it does not compress.
    body: Vec<u8>,
    plain_bytes: u32,
    chunks: Vec<ChunkInfo>,
}

enum Message {
    Block { sequence: u64, block: FormatResult<CompressedBlock> },
    Flush { before_sequence: u64, done: Sender<()> },
}

/// Counters that a progress display may read at any time.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub bytes_stored: AtomicU64,
    pub objects_stored: AtomicU64,
    pub bytes_compressed: AtomicU64,
}

/// The same counters at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct CountsNow {
    pub bytes_stored: u64,
    pub objects_stored: u64,
    pub bytes_compressed: u64,
}

/// First failure of any stage; everybody who works for the session looks here.
///
/// It stays: chunks that were on their way are lost with it, yet count as present, so nothing may be committed any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Failure(Arc<Mutex<FailureState>>);

#[derive(Debug, Default)]
enum FailureState {
    #[default]
    None,
    Unreported(RepoError),
    Reported,
}

impl Failure {
    pub fn set(&self, error: RepoError) {
        let mut state = self.lock();
        if matches!(*state, FailureState::None) {
            *state = FailureState::Unreported(error);
        }
    }

    pub fn is_set(&self) -> bool {
        !matches!(*self.lock(), FailureState::None)
    }

    /// Fails if anything has failed: the first time with the reason, later without it.
    pub fn check(&self) -> RepoResult<()> {
        let mut state = self.lock();
        if matches!(*state, FailureState::None) {
            return Ok(());
        }
        match std::mem::replace(&mut *state, FailureState::Reported) {
            FailureState::Unreported(error) => Err(error),
            _ => Err(RepoError::StageLost { stage: STAGE }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, FailureState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
        options: PackerOptions,
    ) -> RepoResult<Self> {
        let environment = repository.environment().clone();
        let (messages, inbox) = unbounded();
        let in_flight = environment.workers.current_num_threads() * BLOCKS_IN_FLIGHT_PER_WORKER;
        let (permits, permits_back) = bounded(in_flight);
        let (uploaded_in, uploaded) = unbounded();
        let counts = Arc::new(Counts::default());
        let failure = Failure::default();
        let uploads_max = options.options.uploads();
        let WriteOptions { compression_level, pack_bytes, verify, .. } = options.options;
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
            .map_err(|_| RepoError::StageLost { stage: STAGE })?;
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
            // Fails only when the packer is gone, which the session notices itself.
            drop(messages.send(Message::Block { sequence, block }));
        });
        Ok(())
    }

    /// Returns where buffers for blocks come from.
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
        self.failure.check().err().unwrap_or(RepoError::StageLost { stage: STAGE })
    }
}

impl Drop for Packer {
    fn drop(&mut self) {
        // What was not flushed is given up: nobody waits for a store that may never answer.
        self.failure.set(RepoError::Interrupted);
        self.upload_permits.close();
        // The thread ends when nobody can send any more.
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

/// The thread that fills packs in the order in which blocks were submitted.
struct PackFiller {
    environment: Environment,
    keys: Arc<Keys>,
    run: RunId,
    group: GroupId,
    pack_bytes: u64,
    verify: bool,
    next_number: u32,
    data: Option<PackBuilder>,
    manifest: Option<PackBuilder>,
    blocks: Buffers,
    uploader: Uploader,
    counts: Arc<Counts>,
    failure: Failure,
}

impl PackFiller {
    fn run(mut self, inbox: &Receiver<Message>, permits_back: &Receiver<()>) {
        let mut waiting = BTreeMap::new();
        let mut flushes: Vec<(u64, Sender<()>)> = Vec::new();
        let mut next = 0;
        for message in inbox {
            match message {
                Message::Block { sequence, block } => {
                    waiting.insert(sequence, block);
                }
                Message::Flush { before_sequence, done } => flushes.push((before_sequence, done)),
            }
            while let Some(block) = waiting.remove(&next) {
                next += 1;
                // After a failure blocks are only taken off the queue, so that nobody waits for ever.
                if !self.failure.is_set()
                    && let Err(error) = block.map_err(RepoError::from).and_then(|block| self.add(block))
                {
                    self.failure.set(error);
                }
                // The session that waits for permits may be gone.
                permits_back.recv().unwrap_or_default();
            }
            while flushes.first().is_some_and(|(before, _)| *before <= next) {
                let (_, done) = flushes.remove(0);
                if !self.failure.is_set()
                    && let Err(error) = self.finish_all()
                {
                    self.failure.set(error);
                }
                done.send(()).unwrap_or_default();
            }
        }
    }

    fn add(&mut self, block: CompressedBlock) -> RepoResult<()> {
        let CompressedBlock { kind, codec, body, plain_bytes, chunks } = block;
        let open = self.builder(kind);
        let mut builder = match open.take() {
            Some(builder) if builder.has_room(body.len() as u64, chunks.len()) => builder,
            Some(full) => {
                self.finish(full)?;
                self.new_builder(kind)?
            }
            None => self.new_builder(kind)?,
        };
        builder.push(codec, &body, plain_bytes, &chunks);
        if kind == ObjectKind::Data {
            self.counts.bytes_compressed.fetch_add(body.len() as u64, Ordering::Relaxed);
        }
        self.blocks.give_back(body);
        if builder.stored_bytes() >= self.target(kind) || builder.chunks() >= PACK_CHUNKS_TARGET {
            self.finish(builder)
        } else {
            *self.builder(kind) = Some(builder);
            Ok(())
        }
    }

    fn target(&self, kind: ObjectKind) -> u64 {
        if kind == ObjectKind::Data {
            self.pack_bytes
        } else {
            MANIFEST_PACK_BYTES_MAX.min(self.pack_bytes / 4)
        }
    }

    fn builder(&mut self, kind: ObjectKind) -> &mut Option<PackBuilder> {
        if kind == ObjectKind::Data { &mut self.data } else { &mut self.manifest }
    }

    fn new_builder(&mut self, kind: ObjectKind) -> RepoResult<PackBuilder> {
        let pack = PackName { run: self.run, number: self.next_number };
        self.next_number += 1;
        let salt = self.environment.salt();
        Ok(PackBuilder::new(&self.keys, pack, kind, self.group, salt, self.uploader.buffer(kind))?)
    }

    fn finish_all(&mut self) -> RepoResult<()> {
        for builder in [self.data.take(), self.manifest.take()].into_iter().flatten() {
            self.finish(builder)?;
        }
        self.uploader.wait_for_all();
        Ok(())
    }

    /// Seals and verifies a pack on all workers, and hands it to the uploads.
    fn finish(&mut self, mut builder: PackBuilder) -> RepoResult<()> {
        let pack = self.environment.workers.install(|| -> RepoResult<FinishedPack> {
            builder
                .blocks_to_seal()
                .into_par_iter()
                .try_for_each(icecore_format::pack::UnsealedBlock::seal)?;
            let pack = builder.finish()?;
            if self.verify {
                verify(&self.keys, &pack.directory, &pack.bytes)
                    .map_err(|source| RepoError::SelfVerification { source })?;
            }
            Ok(pack)
        })?;
        let object = pack.directory.seal(&self.keys, &self.environment.salt())?;
        self.uploader.upload(pack, object)
    }
}

/// Opens every block of a pack, as a reader would.
pub(super) fn verify(keys: &Keys, directory: &PackDirectory, pack: &[u8]) -> FormatResult<()> {
    let key = directory.object_key(keys)?;
    directory.blocks.par_iter().enumerate().try_for_each_init(
        || (BlockOpener::new(), Vec::new()),
        |(opener, plain), (ordinal, block)| {
            let opener = opener.as_mut().map_err(|error| error.clone())?;
            let start = block.offset as usize;
            let Some(stored) = pack.get(start..start + block.stored_bytes as usize) else {
                return Err(FormatError::WrongContent);
            };
            opener.open(keys, &key, directory, ordinal, stored, plain)
        },
    )
}

#[cfg(test)]
mod tests;
