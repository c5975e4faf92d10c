//! The thread that fills packs, in the order in which their blocks were submitted.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use crossbeam_channel::{Receiver, Sender};
use icecore_format::{
    compression::Codec,
    directory::ChunkInfo,
    error::FormatResult,
    ids::{GroupId, PackName, RunId},
    keys::Keys,
    pack::{FinishedPack, PackBuilder},
    seal::ObjectKind,
};
use rayon::prelude::*;

use crate::{
    buffers::Buffers,
    environment::Environment,
    error::{RepoError, RepoResult},
    session::{
        stages::{Counts, Failure},
        upload::Uploader,
    },
    whole_pack::verify,
};

/// Packs of manifest nodes stay small: they are read in pieces and never become cold.
const MANIFEST_PACK_BYTES_MAX: u64 = 16 << 20;
/// A pack with this many chunks is full, even if they are short: looking up one of its chunks reads the whole
/// directory, and an index on disk keeps recently used directories.
const PACK_CHUNKS_TARGET: usize = 1 << 17;

/// A compressed block on its way to its pack.
pub(super) struct CompressedBlock {
    pub kind: ObjectKind,
    pub codec: Codec,
    /// Compressed bytes, or the plaintext if it does not compress.
    pub body: Vec<u8>,
    pub plain_bytes: u32,
    pub chunks: Vec<ChunkInfo>,
}

pub(super) enum Message {
    Block { sequence: u64, block: FormatResult<CompressedBlock> },
    Flush { before_sequence: u64, done: Sender<()> },
}

/// The thread that fills packs in the order in which blocks were submitted.
pub(super) struct PackFiller {
    pub environment: Environment,
    pub keys: Arc<Keys>,
    pub run: RunId,
    pub group: GroupId,
    pub pack_bytes: u64,
    pub verify: bool,
    pub next_number: u32,
    pub data: Option<PackBuilder>,
    pub manifest: Option<PackBuilder>,
    pub blocks: Buffers,
    pub uploader: Uploader,
    pub counts: Arc<Counts>,
    pub failure: Failure,
}

impl PackFiller {
    pub fn run(mut self, inbox: &Receiver<Message>, permits_back: &Receiver<()>) {
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
                // After a failure, blocks are only taken off the queue, so that nobody waits for ever.
                if !self.failure.is_set()
                    && let Err(error) = block.map_err(RepoError::from).and_then(|block| self.add(block))
                {
                    self.failure.set(error);
                }
                // The session that waits for permits may have ended.
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

    /// Seals and verifies a pack on all workers, and hands it over for upload.
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
