//! Reads whole packs and verifies all their content.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, future, stream};
use icecore_format::{
    directory::PackDirectory,
    error::FormatError,
    ids::{ChunkId, PackName},
    layout,
    limits::PACK_BYTES_MAX,
    seal::ObjectKind,
};

use crate::{
    directories::look_for_pack,
    error::CheckError,
    events::CheckPhase,
    inventory::{Inventory, PackRecord, PackState},
    pack::{FrameFindings, batches, verify_blocks, verify_frame},
    report::ProblemKind,
    sample,
    session::{Fetched, Session},
    words::counted,
};

/// Result of reading packs, besides the notes in the inventory.
#[derive(Debug, Default)]
pub(crate) struct PacksRead {
    /// Number of packs that were to be read.
    pub(crate) packs: u64,
    /// Packs that were read in full and are intact, sorted.
    pub(crate) verified: Vec<PackName>,
    /// Number of packs that were due, but exceeded the sample.
    pub(crate) packs_left: u64,
    /// Number of packs that were to be read and are archived.
    pub(crate) packs_archived: u64,
    /// Their length in bytes.
    pub(crate) bytes_archived: u64,
}

/// Result of reading a pack.
enum PackReading {
    /// It was read, and is intact.
    Whole,
    /// It was read; these chunks, by position in the directory, cannot be read.
    Read(Vec<(ChunkId, u32)>),
    /// It cannot be read at all, or no longer exists.
    Gone(PackState),
    /// It has to be thawed before it can be read.
    Archived,
}

/// Reads the packs that the options select, and notes in the inventory what cannot be read.
///
/// Archived packs do not count towards a sample: others are read instead.
pub(crate) async fn read_packs(
    session: &Session<'_>,
    inventory: &mut Inventory,
) -> Result<PacksRead, CheckError> {
    let mut choice = sample::choose(inventory, session.options())?;
    let mut packs_read = PacksRead::default();
    if !choice.packs.is_empty() {
        session.phase_begins(CheckPhase::Packs, Some(choice.packs.len()));
    }
    while !choice.packs.is_empty() {
        let readings = read_chosen(session, inventory, &choice.packs).await?;
        let archived_before = packs_read.bytes_archived;
        for (number, reading) in readings {
            take_reading(inventory, number, reading, &mut packs_read);
        }
        choice.replace(inventory, packs_read.bytes_archived - archived_before);
    }
    packs_read.packs_left = choice.packs_left();
    packs_read.verified.sort_unstable();
    Ok(packs_read)
}

/// Reads packs, several at a time.
async fn read_chosen(
    session: &Session<'_>,
    inventory: &Inventory,
    chosen: &[u32],
) -> Result<Vec<(u32, PackReading)>, CheckError> {
    let packs = &inventory.packs;
    let reading = stream::iter(chosen.iter().copied()).map(|number| async move {
        let pack = &packs[number as usize];
        let reading = read_pack(session, pack).await?;
        session.progress(1, if matches!(reading, PackReading::Archived) { 0 } else { pack.bytes });
        Ok::<_, CheckError>((number, reading))
    });
    reading.buffer_unordered(session.concurrency()).try_collect().await
}

fn take_reading(inventory: &mut Inventory, number: u32, reading: PackReading, packs_read: &mut PacksRead) {
    let pack = &mut inventory.packs[number as usize];
    if matches!(reading, PackReading::Archived) {
        packs_read.packs_archived += 1;
        packs_read.bytes_archived = packs_read.bytes_archived.saturating_add(pack.bytes);
        return;
    }
    packs_read.packs += 1;
    match reading {
        PackReading::Archived => {}
        PackReading::Gone(state) => pack.state = state,
        PackReading::Whole => {
            pack.was_read = true;
            packs_read.verified.push(pack.name);
        }
        PackReading::Read(lost) => {
            pack.was_read = true;
            for (id, position) in lost {
                inventory.table.mark_lost(&id, number, position);
            }
        }
    }
}

async fn read_pack(session: &Session<'_>, pack: &PackRecord) -> Result<PackReading, CheckError> {
    let key = pack.key();
    let stored = if let PackState::WrongSize(found) = pack.state { found } else { pack.bytes };
    if stored > PACK_BYTES_MAX {
        let detail = format!("it has {stored} bytes; packs have at most {PACK_BYTES_MAX}");
        session.report(ProblemKind::ObjectTooLarge, Some(&key), detail);
        return Ok(PackReading::Gone(PackState::Missing));
    }
    let _permit = session.reserve(stored.saturating_add(pack.directory_bytes.saturating_mul(4))).await?;
    let directory = match directory_of(session, pack).await? {
        Ok(directory) => directory,
        Err(state) => return Ok(PackReading::Gone(state)),
    };
    let Some(fetched) = session.get_pack(&key).await? else { return Ok(PackReading::Archived) };
    let bytes = match fetched {
        Fetched::Bytes(bytes) => bytes,
        Fetched::Absent => {
            let state = look_for_pack(session, pack).await?;
            if state == PackState::Vanished {
                session.report(
                    ProblemKind::ObjectVanished,
                    Some(&key),
                    "it was deleted during the check".to_owned(),
                );
            } else {
                let detail = "it was listed, but does not exist".to_owned();
                session.report(ProblemKind::PackMissing, Some(&key), detail);
            }
            let gone = if state == PackState::Vanished { state } else { PackState::Missing };
            return Ok(PackReading::Gone(gone));
        }
        Fetched::Unreadable(reason) => {
            session.report(ProblemKind::ObjectUnreadable, Some(&key), reason);
            return Ok(PackReading::Gone(PackState::Missing));
        }
    };
    if pack.kind == ObjectKind::Manifest {
        // Its nodes are needed when the manifests are walked.
        session.retain(&key, 0, &bytes);
    }
    verify_pack(session, pack, &key, directory, bytes).await
}

/// Returns the directory of a pack; reads it again if it was not kept.
async fn directory_of(
    session: &Session<'_>,
    pack: &PackRecord,
) -> Result<Result<Arc<PackDirectory>, PackState>, CheckError> {
    if let Some(directory) = &pack.directory {
        return Ok(Ok(Arc::clone(directory)));
    }
    let key = layout::directory_key(pack.name);
    match session.get(&key, None).await? {
        Fetched::Bytes(object) => {
            let (keys, name) = (session.share_keys(), pack.name);
            let opened = session.compute(move || PackDirectory::open(&keys, name, &object)).await?;
            Ok(opened.map(Arc::new).map_err(|error| {
                session.report_format(ProblemKind::DirectoryDamaged, &key, &error);
                PackState::Missing
            }))
        }
        Fetched::Absent => {
            session.report(
                ProblemKind::ObjectVanished,
                Some(&key),
                "it was deleted during the check".to_owned(),
            );
            Ok(Err(PackState::Vanished))
        }
        Fetched::Unreadable(reason) => {
            session.report(ProblemKind::ObjectUnreadable, Some(&key), reason);
            Ok(Err(PackState::Missing))
        }
    }
}

async fn verify_pack(
    session: &Session<'_>,
    pack: &PackRecord,
    key: &str,
    directory: Arc<PackDirectory>,
    bytes: bytes::Bytes,
) -> Result<PackReading, CheckError> {
    let frame = {
        let (keys, directory, bytes) = (session.share_keys(), Arc::clone(&directory), bytes.clone());
        session.compute(move || verify_frame(&keys, &directory, &bytes))
    };
    let blocks = batches(&directory).into_iter().map(|ordinals| {
        let (tools, keys) = (session.share_tools(), session.share_keys());
        let (directory, bytes) = (Arc::clone(&directory), bytes.clone());
        session.compute(move || verify_blocks(&tools, &keys, &directory, &bytes, ordinals))
    });
    let (frame, damaged) = future::try_join(frame, future::try_join_all(blocks)).await?;
    let damaged: Vec<_> = damaged.into_iter().flatten().collect();
    if frame == FrameFindings::default() && damaged.is_empty() {
        return Ok(PackReading::Whole);
    }
    report_pack(session, pack, key, &frame, &damaged);
    let lost = damaged.iter().flat_map(|(ordinal, _)| {
        let block = &directory.blocks[*ordinal];
        (block.first_chunk..).zip(directory.block_chunks(block)).map(|(position, chunk)| (chunk.id, position))
    });
    Ok(PackReading::Read(lost.collect()))
}

fn report_pack(
    session: &Session<'_>,
    pack: &PackRecord,
    key: &str,
    frame: &FrameFindings,
    damaged: &[(usize, FormatError)],
) {
    if let Some(reason) = &frame.header {
        session.report(ProblemKind::PackHeaderWrong, Some(key), reason.clone());
    }
    if let Some((ordinal, error)) = damaged.first() {
        let detail = format!(
            "failed to open {} of {}; the first is block {ordinal}: {error}",
            damaged.len(),
            counted(pack.blocks.into(), "block")
        );
        session.report(ProblemKind::BlocksDamaged, Some(key), detail);
    }
    if let Some(reason) = &frame.directory_copy {
        session.report(ProblemKind::DirectoryCopyWrong, Some(key), reason.clone());
    }
    let explained = frame.header.is_some() || frame.directory_copy.is_some() || !damaged.is_empty();
    if frame.checksum_differs && !explained {
        let detail = "its hash differs from the one in its directory, although every block opens".to_owned();
        session.report(ProblemKind::PackHashWrong, Some(key), detail);
    }
}
