//! A run of the chunk table: an immutable file with the places of all chunks of some packs, sorted by id.
//!
//! Its form is private to this crate. Little-endian unless stated otherwise:
//!
//! - pages of 4096 bytes: checksum (16 bytes), number of places (u32), 12 zero bytes, then up to 127 places
//!   in the order of their bytes: id (24 bytes), pack in the run's own list and position in its directory
//!   (u32 each, big-endian);
//! - the tail: repository (16 bytes), number of the run (u64), number of packs, bits of a partition's number
//!   (u32 each), numbers of places, pages and bytes of all filters (u64 each); then for each pack its name
//!   (16 bytes and u32), group (16 bytes), kind (u32), number of chunks (u32) and length (u64, all bits set
//!   if it is not known); for each page the first eight bytes of its first id, as a number (u64); for each
//!   partition the length of its filter (u64) and the filter's descriptor (20 bytes); all filters;
//! - length of the tail (u64), its BLAKE3 hash (32 bytes), magic (8 bytes).
//!
//! Pages are read one at a time with ordinary reads: a failing disk then gives an error, while a mapping
//! would kill the process. The checksum of a page is verified each time, because a wrong page could make a
//! writer believe that a chunk is stored.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use icecore_format::{
    ids::{ChunkId, GroupId, PackName, RepositoryId, RunId},
    seal::ObjectKind,
};
use xorf::{BinaryFuse8Ref, Filter, FilterRef};

use crate::{checksum::row_checksum, chunk_table::TablePack, error::CatalogError};

pub(crate) const PAGE_BYTES: usize = 4096;
pub(crate) const PLACE_BYTES: usize = 32;
pub(crate) const PAGE_HEADER_BYTES: usize = 32;
pub(crate) const PAGE_PLACES: usize = (PAGE_BYTES - PAGE_HEADER_BYTES) / PLACE_BYTES;
pub(crate) const PAGE_CHECKSUM_BYTES: usize = 16;
pub(crate) const TAIL_HEADER_BYTES: usize = 56;
pub(crate) const PACK_BYTES: usize = 52;
pub(crate) const DESCRIPTOR_BYTES: usize = 20;
pub(crate) const FILTER_ROW_BYTES: usize = 8 + DESCRIPTOR_BYTES;
pub(crate) const TRAILER_BYTES: usize = 48;
pub(crate) const MAGIC: &[u8; 8] = b"ICECCR01";
const PARTITION_BITS_MAX: u32 = 16;

/// A place in the form of a page.
pub(crate) type PlaceBytes = [u8; PLACE_BYTES];

/// Returns the first eight bytes of an id as a number; numbers sort like the ids.
pub(crate) fn prefix(id: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&id[..8]);
    u64::from_be_bytes(bytes)
}

/// Returns the number of the partition of an id.
pub(crate) fn partition(prefix: u64, bits: u32) -> usize {
    prefix.checked_shr(u64::BITS - bits).unwrap_or(0) as usize
}

/// Returns the checksum of the content of a page; it also detects a page that was moved.
pub(crate) fn page_checksum(
    repository: RepositoryId,
    run: u64,
    page: u64,
    content: &[u8],
) -> [u8; PAGE_CHECKSUM_BYTES] {
    let fields: [&[u8]; 4] = [&repository.0, &run.to_le_bytes(), &page.to_le_bytes(), content];
    let mut checksum = [0; PAGE_CHECKSUM_BYTES];
    checksum.copy_from_slice(&row_checksum("chunk table", &fields)[..PAGE_CHECKSUM_BYTES]);
    checksum
}

/// The filter of the ids that begin with the same bits.
#[derive(Debug)]
struct PartitionFilter {
    start: usize,
    bytes: usize,
    descriptor: [u8; DESCRIPTOR_BYTES],
}

/// An open run.
#[derive(Debug)]
pub(crate) struct Run {
    pub number: u64,
    pub packs: Vec<TablePack>,
    path: PathBuf,
    file: File,
    repository: RepositoryId,
    places: u64,
    /// For each page, the first eight bytes of its first id.
    fences: Vec<u64>,
    partition_bits: u32,
    filters: Vec<PartitionFilter>,
    fingerprints: Vec<u8>,
    damaged: AtomicBool,
}

impl Run {
    /// Opens a run and verifies everything except its pages, which are verified when they are read.
    pub fn open(path: &Path, repository: RepositoryId, number: u64) -> Result<Self, CatalogError> {
        let failed = |source| CatalogError::Directory { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        match read_tail(&file, repository, number) {
            Ok(tail) => Ok(Self {
                number,
                packs: tail.packs,
                path: path.to_owned(),
                file,
                repository,
                places: tail.places,
                fences: tail.fences,
                partition_bits: tail.partition_bits,
                filters: tail.filters,
                fingerprints: tail.fingerprints,
                damaged: AtomicBool::new(false),
            }),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(CatalogError::damaged(path, error.to_string()))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Returns the number of places.
    pub fn places(&self) -> u64 {
        self.places
    }

    /// Returns whether a page could not be read.
    pub fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Returns whether a chunk may be in the run: `false` is always right, and `true` is wrong for one of 256
    /// chunks.
    pub fn may_have(&self, id: &ChunkId) -> bool {
        let prefix = prefix(&id.0);
        let filter = &self.filters[partition(prefix, self.partition_bits)];
        // There is no filter: it could not be made, or the partition is empty.
        filter.bytes == 0
            || BinaryFuse8Ref::from_dma(
                &filter.descriptor,
                &self.fingerprints[filter.start..][..filter.bytes],
            )
            .contains(&prefix)
    }

    /// Reads the places of a chunk: the pack in [`Self::packs`], and the position in its directory.
    pub fn places_of(&self, id: &ChunkId, mut visit: impl FnMut(u32, u32)) -> Result<(), CatalogError> {
        let prefix = prefix(&id.0);
        let mut page = self.fences.partition_point(|first| *first < prefix).saturating_sub(1);
        while self.fences.get(page).is_some_and(|first| *first <= prefix) {
            let mut bytes = [0; PAGE_BYTES];
            let places = self.read_page(page as u64, &mut bytes).inspect_err(|_| {
                self.damaged.store(true, Ordering::Relaxed);
            })?;
            let first = places.partition_point(|place| place[..ChunkId::BYTES] < id.0[..]);
            for place in places[first..].iter().take_while(|place| place[..ChunkId::BYTES] == id.0) {
                let (pack, position) = place[ChunkId::BYTES..].split_at(4);
                visit(big_endian(pack), big_endian(position));
            }
            page += 1;
        }
        Ok(())
    }

    fn read_page<'a>(
        &self,
        page: u64,
        bytes: &'a mut [u8; PAGE_BYTES],
    ) -> Result<&'a [PlaceBytes], CatalogError> {
        self.file
            .read_exact_at(bytes, page * PAGE_BYTES as u64)
            .map_err(|error| CatalogError::damaged(&self.path, error.to_string()))?;
        let (checksum, content) = bytes.split_at(PAGE_CHECKSUM_BYTES);
        if page_checksum(self.repository, self.number, page, content) != checksum {
            return Err(CatalogError::damaged(&self.path, format!("page {page} fails its checksum")));
        }
        let count = little_endian(&content[..4]) as usize;
        let places = content[PAGE_HEADER_BYTES - PAGE_CHECKSUM_BYTES..].as_chunks().0;
        Ok(&places[..count.min(PAGE_PLACES)])
    }
}

fn big_endian(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The part of a run after its pages.
struct Tail {
    packs: Vec<TablePack>,
    places: u64,
    fences: Vec<u64>,
    partition_bits: u32,
    filters: Vec<PartitionFilter>,
    fingerprints: Vec<u8>,
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Reads a file from an offset on, and hashes it.
struct HashingReader<'a> {
    file: &'a File,
    offset: u64,
    hasher: blake3::Hasher,
}

impl HashingReader<'_> {
    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, self.offset)?;
        self.offset += length as u64;
        self.hasher.update(&bytes);
        Ok(bytes)
    }

    /// Reads rows of fixed width, several at a time.
    fn rows<T>(&mut self, count: usize, width: usize, row: impl Fn(&[u8]) -> T) -> io::Result<Vec<T>> {
        let mut rows = Vec::with_capacity(count);
        while rows.len() < count {
            let part = (count - rows.len()).min(8192);
            rows.extend(self.take(part * width)?.chunks_exact(width).map(&row));
        }
        Ok(rows)
    }
}

fn read_tail(file: &File, repository: RepositoryId, number: u64) -> io::Result<Tail> {
    let end = file.metadata()?.len();
    let Some(trailer_start) = end.checked_sub(TRAILER_BYTES as u64) else {
        return Err(invalid("it is too short"));
    };
    let mut trailer = [0; TRAILER_BYTES];
    file.read_exact_at(&mut trailer, trailer_start)?;
    let tail_bytes = little_endian(&trailer[..8]);
    let (Some(start), MAGIC) = (trailer_start.checked_sub(tail_bytes), &trailer[40..].as_chunks().0[0])
    else {
        return Err(invalid("it has no trailer"));
    };
    let mut reader = HashingReader { file, offset: start, hasher: blake3::Hasher::new() };
    let header = reader.take(TAIL_HEADER_BYTES.min(tail_bytes as usize))?;
    let Some(header) = header.first_chunk::<TAIL_HEADER_BYTES>() else {
        return Err(invalid("its tail is too short"));
    };
    if header[..16] != repository.0 || little_endian(&header[16..24]) != number {
        return Err(invalid("it belongs to another chunk table"));
    }
    let packs = little_endian(&header[24..28]);
    let partition_bits = little_endian(&header[28..32]) as u32;
    let [places, pages, filter_bytes] = [32, 40, 48].map(|from| little_endian(&header[from..from + 8]));
    // Checked before anything of that length is allocated.
    let lengths = [
        packs.checked_mul(PACK_BYTES as u64),
        pages.checked_mul(8),
        (partition_bits <= PARTITION_BITS_MAX).then(|| (FILTER_ROW_BYTES as u64) << partition_bits),
        Some(filter_bytes),
    ];
    let expected =
        lengths.iter().try_fold(TAIL_HEADER_BYTES as u64, |sum, length| sum.checked_add((*length)?));
    if expected != Some(tail_bytes) || pages.checked_mul(PAGE_BYTES as u64) != Some(start) {
        return Err(invalid("its lengths disagree"));
    }
    let packs = reader.rows(packs as usize, PACK_BYTES, read_pack)?;
    let fences = reader.rows(pages as usize, 8, little_endian)?;
    let mut filters = reader.rows(1 << partition_bits, FILTER_ROW_BYTES, read_filter)?;
    let fingerprints = reader.take(filter_bytes as usize)?;
    if reader.hasher.finalize().as_bytes()[..] != trailer[8..40] {
        return Err(invalid("its tail fails its checksum"));
    }
    let Some(packs) = packs.into_iter().collect() else { return Err(invalid("a pack has an unknown kind")) };
    if !place_filters(&mut filters, fingerprints.len()) || !fences.is_sorted() {
        return Err(invalid("its filters or pages are malformed"));
    }
    Ok(Tail { packs, places, fences, partition_bits, filters, fingerprints })
}

fn read_pack(bytes: &[u8]) -> Option<TablePack> {
    let mut run = [0; RunId::BYTES];
    run.copy_from_slice(&bytes[..16]);
    Some(TablePack {
        name: PackName { run: RunId(run), number: little_endian(&bytes[16..20]) as u32 },
        group: GroupId::from_slice(&bytes[20..36]).ok()?,
        kind: ObjectKind::from_number(little_endian(&bytes[36..40]) as u8).ok()?,
        chunks: little_endian(&bytes[40..44]) as u32,
        bytes: Some(little_endian(&bytes[44..52])).filter(|bytes| *bytes != u64::MAX),
    })
}

fn read_filter(bytes: &[u8]) -> PartitionFilter {
    let mut descriptor = [0; DESCRIPTOR_BYTES];
    descriptor.copy_from_slice(&bytes[8..]);
    PartitionFilter { start: 0, bytes: little_endian(&bytes[..8]) as usize, descriptor }
}

/// Computes where each filter begins; returns `false` if they do not fit, or if a look-up could exceed the
/// bounds of a filter.
fn place_filters(filters: &mut [PartitionFilter], bytes: usize) -> bool {
    let mut end = 0usize;
    let fit = filters.iter_mut().all(|filter| {
        filter.start = end;
        end = end.saturating_add(filter.bytes);
        let [segment, mask, segments] =
            [8, 12, 16].map(|from| little_endian(&filter.descriptor[from..from + 4]));
        let aligned = segment.is_power_of_two() && mask == segment - 1 && segments.is_multiple_of(segment);
        filter.bytes == 0 || (aligned && segments > 0 && segments + 2 * segment <= filter.bytes as u64)
    });
    fit && end == bytes
}
