//! The form of collection records in their objects.

use minicbor::Decoder;

use super::{CollectedPack, CollectionRecord, CollectionState, DeadRun, WHAT};
use crate::{
    cbor::{MemoryEncoder, array_length, map_length},
    error::{FormatError, FormatResult},
    ids::{CollectionNumber, PackName, RunId},
    limits::{COLLECTION_PACKS_MAX, COLLECTION_RUNS_MAX, COLLECTION_SNAPSHOTS_MAX},
    object_kind::ObjectKind,
    time::Time,
};

/// Most keys of a record.
const KEYS_MAX: usize = 64;
/// Parts of a pack.
const PACK_PARTS: u64 = 7;
/// Fewest bytes of a run: a byte string of 16 bytes.
const RUN_BYTES_MIN: usize = 17;
/// Fewest bytes of a pack: its array, two runs, and five numbers and texts.
const PACK_BYTES_MIN: usize = 1 + 2 * RUN_BYTES_MIN + 5;
/// Fewest bytes of a dead run: its array, the run, and an empty array of numbers.
const DEAD_RUN_BYTES_MIN: usize = 1 + RUN_BYTES_MIN + 1;

pub(super) fn encode(record: &CollectionRecord) -> FormatResult<Vec<u8>> {
    let lists = [&record.deleted, &record.cleared_runs].map(|list| !list.is_empty());
    let repacked: Vec<u32> =
        (0..).zip(&record.packs).filter(|(_, pack)| pack.is_repacked).map(|(position, _)| position).collect();
    let optional =
        [lists[0], record.waiting.is_some(), !record.dead_runs.is_empty(), lists[1], !repacked.is_empty()];
    let fields = 6 + optional.iter().filter(|is_there| **is_there).count();
    let mut encoder = MemoryEncoder::new(Vec::new());
    encoder.map(fields as u64)?.u8(0)?.u32(record.number.get())?.u8(1)?.u8(record.state as u8)?;
    encoder.u8(2)?.bytes(&record.run.0)?.u8(3)?.encode(record.written.to_record())?;
    encoder.u8(4)?.str(&record.host)?.u8(5)?.array(record.packs.len() as u64)?;
    for pack in &record.packs {
        encode_pack(&mut encoder, pack)?;
    }
    if !record.deleted.is_empty() {
        encode_runs(encoder.u8(6)?, &record.deleted)?;
    }
    if let Some(waiting) = &record.waiting {
        encode_runs(encoder.u8(7)?, waiting)?;
    }
    if !record.dead_runs.is_empty() {
        encoder.u8(8)?.array(record.dead_runs.len() as u64)?;
        for DeadRun { run, usable } in &record.dead_runs {
            encoder.array(2)?.bytes(&run.0)?.encode(usable)?;
        }
    }
    if !record.cleared_runs.is_empty() {
        encode_runs(encoder.u8(9)?, &record.cleared_runs)?;
    }
    if !repacked.is_empty() {
        encoder.u8(10)?.encode(&repacked)?;
    }
    Ok(encoder.into_writer())
}

fn encode_pack(encoder: &mut MemoryEncoder, pack: &CollectedPack) -> FormatResult<()> {
    encoder.array(PACK_PARTS)?.bytes(&pack.name.run.0)?.u32(pack.name.number)?.u8(pack.kind as u8)?;
    encoder.bytes(&pack.group.0)?.u64(pack.bytes)?;
    for version in [&pack.pack_version, &pack.directory_version] {
        encoder.str(version.as_deref().unwrap_or_default())?;
    }
    Ok(())
}

fn encode_runs(encoder: &mut MemoryEncoder, runs: &[RunId]) -> FormatResult<()> {
    encoder.array(runs.len() as u64)?;
    for run in runs {
        encoder.bytes(&run.0)?;
    }
    Ok(())
}

/// The fields of a record that have been read so far.
#[derive(Default)]
struct Fields {
    number: Option<CollectionNumber>,
    state: Option<CollectionState>,
    run: Option<RunId>,
    written: Option<Time>,
    host: Option<String>,
    packs: Option<Vec<CollectedPack>>,
    deleted: Vec<RunId>,
    waiting: Option<Vec<RunId>>,
    dead_runs: Vec<DeadRun>,
    cleared_runs: Vec<RunId>,
    /// Positions among the packs.
    repacked: Vec<u32>,
}

/// Decodes a record; the caller checks order and bounds of its items.
pub(super) fn decode(record: &[u8]) -> FormatResult<CollectionRecord> {
    let mut decoder = Decoder::new(record);
    let mut fields = Fields::default();
    for _ in 0..map_length(&mut decoder, WHAT, KEYS_MAX)? {
        let key = decoder.u64()?;
        decode_field(&mut decoder, key, &mut fields)?;
    }
    if decoder.position() != record.len() {
        return Err(FormatError::malformed(WHAT, "bytes follow the record"));
    }
    let (Some(number), Some(state), Some(run), Some(written), Some(host), Some(mut packs)) =
        (fields.number, fields.state, fields.run, fields.written, fields.host, fields.packs)
    else {
        return Err(FormatError::malformed(WHAT, "a field is missing"));
    };
    let Fields { deleted, waiting, dead_runs, cleared_runs, repacked, .. } = fields;
    if !repacked.is_sorted_by(|left, right| left < right) {
        return Err(FormatError::malformed(WHAT, "a list is not sorted, or has something twice"));
    }
    for position in repacked {
        let pack = packs.get_mut(position as usize);
        pack.ok_or(FormatError::malformed(WHAT, "a repacked pack that is not in the list"))?.is_repacked =
            true;
    }
    Ok(CollectionRecord {
        number,
        state,
        run,
        written,
        host,
        packs,
        deleted,
        waiting,
        dead_runs,
        cleared_runs,
    })
}

fn decode_field(decoder: &mut Decoder<'_>, key: u64, fields: &mut Fields) -> FormatResult<()> {
    match key {
        0 => fields.number = Some(decode_number(decoder)?),
        1 => fields.state = Some(decode_state(decoder)?),
        2 => fields.run = Some(decode_run(decoder)?),
        3 => fields.written = Some(Time::read(WHAT, decoder.decode()?)?),
        4 => fields.host = Some(decoder.str()?.to_owned()),
        5 => fields.packs = Some(decode_list(decoder, COLLECTION_PACKS_MAX, PACK_BYTES_MIN, decode_pack)?),
        6 => fields.deleted = decode_runs(decoder, COLLECTION_SNAPSHOTS_MAX)?,
        7 => fields.waiting = Some(decode_runs(decoder, COLLECTION_SNAPSHOTS_MAX)?),
        8 => {
            let maximum = COLLECTION_RUNS_MAX;
            fields.dead_runs = decode_list(decoder, maximum, DEAD_RUN_BYTES_MIN, decode_dead_run)?;
        }
        9 => fields.cleared_runs = decode_runs(decoder, COLLECTION_RUNS_MAX)?,
        10 => fields.repacked = decode_list(decoder, COLLECTION_PACKS_MAX, 1, |item| Ok(item.u32()?))?,
        _ => decoder.skip()?,
    }
    Ok(())
}

fn decode_number(decoder: &mut Decoder<'_>) -> FormatResult<CollectionNumber> {
    CollectionNumber::new(decoder.u32()?)
        .ok_or(FormatError::malformed(WHAT, "collections are counted from 1"))
}

/// The state comes before all lists, so a newer program may change their form in another state.
fn decode_state(decoder: &mut Decoder<'_>) -> FormatResult<CollectionState> {
    match decoder.u64()? {
        0 => Ok(CollectionState::Condemned),
        1 => Ok(CollectionState::Sweeping),
        state => Err(FormatError::UnknownState { what: WHAT, state }),
    }
}

fn decode_run(decoder: &mut Decoder<'_>) -> FormatResult<RunId> {
    RunId::from_slice(decoder.bytes()?)
}

fn decode_runs(decoder: &mut Decoder<'_>, maximum: usize) -> FormatResult<Vec<RunId>> {
    decode_list(decoder, maximum, RUN_BYTES_MIN, decode_run)
}

fn decode_pack(decoder: &mut Decoder<'_>) -> FormatResult<CollectedPack> {
    if decoder.array()? != Some(PACK_PARTS) {
        return Err(FormatError::malformed(WHAT, "a pack that has not seven parts"));
    }
    let name = PackName { run: decode_run(decoder)?, number: decoder.u32()? };
    let kind = ObjectKind::from_number(decoder.u8()?)?;
    let (group, bytes) = (decode_run(decoder)?, decoder.u64()?);
    let [pack_version, directory_version] =
        [decoder.str()?, decoder.str()?].map(|version| (!version.is_empty()).then(|| version.to_owned()));
    Ok(CollectedPack { name, kind, group, bytes, pack_version, directory_version, is_repacked: false })
}

fn decode_dead_run(decoder: &mut Decoder<'_>) -> FormatResult<DeadRun> {
    if decoder.array()? != Some(2) {
        return Err(FormatError::malformed(WHAT, "a dead run that has not two parts"));
    }
    let run = decode_run(decoder)?;
    Ok(DeadRun { run, usable: decode_list(decoder, COLLECTION_RUNS_MAX, 1, |item| Ok(item.u32()?))? })
}

/// Decodes an array of at most `maximum` items, of at least `item_bytes_min` bytes each: memory is allocated
/// only for items that the rest of the record can hold.
fn decode_list<T>(
    decoder: &mut Decoder<'_>,
    maximum: usize,
    item_bytes_min: usize,
    decode: impl Fn(&mut Decoder<'_>) -> FormatResult<T>,
) -> FormatResult<Vec<T>> {
    let length = array_length(decoder, WHAT, maximum)?;
    if length > (decoder.input().len() - decoder.position()) / item_bytes_min {
        return Err(FormatError::malformed(WHAT, "a list ends beyond the record"));
    }
    let mut items = Vec::with_capacity(length);
    for _ in 0..length {
        items.push(decode(decoder)?);
    }
    Ok(items)
}
