//! Writes a run of the chunk table; except for the filters, the memory does not depend on the size of the
//! run.
//!
//! A temporary file distributes places over partitions by the first bits of their ids. Then each partition is
//! sorted in memory and written. Ids are keyed hashes, so partitions are of nearly equal size.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

use icecore_format::ids::{ChunkId, RepositoryId};
use xorf::{BinaryFuse8, DmaSerializable};

use crate::chunk_table::{
    TablePack,
    run::{
        DESCRIPTOR_BYTES, MAGIC, PAGE_BYTES, PAGE_CHECKSUM_BYTES, PAGE_HEADER_BYTES, PAGE_PLACES,
        PLACE_BYTES, PlaceBytes, page_checksum, partition, prefix,
    },
};

/// Approximate number of places that are sorted together: 16 MiB, and the same amount to make their filter.
const PARTITION_PLACES: u64 = 1 << 19;
const PARTITION_BITS_MAX: u32 = 12;
/// Bytes that a partition collects before they are written to the temporary file.
const EXTENT_BYTES: usize = 64 << 10;

/// A run that is being written.
#[derive(Debug)]
pub(crate) struct RunWriter {
    spill: File,
    spill_end: u64,
    partition_bits: u32,
    partitions: Vec<Partition>,
    places: u64,
}

#[derive(Debug, Default)]
struct Partition {
    /// Offsets in the temporary file.
    extents: Vec<u64>,
    rest: Vec<u8>,
}

impl RunWriter {
    /// Begins a run of approximately `places` places, with a temporary file that has no name any more.
    pub fn begin(spill: &Path, places: u64) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let spill_file =
            options.read(true).write(true).create(true).truncate(true).mode(0o600).open(spill)?;
        fs::remove_file(spill)?;
        let bits = places.div_ceil(PARTITION_PLACES).max(1).next_power_of_two().ilog2();
        let partition_bits = bits.min(PARTITION_BITS_MAX);
        let partitions = (0..1 << partition_bits).map(|_| Partition::default()).collect();
        Ok(Self { spill: spill_file, spill_end: 0, partition_bits, partitions, places: 0 })
    }

    /// Adds a place.
    pub fn push(&mut self, id: &[u8; ChunkId::BYTES], pack: u32, position: u32) -> io::Result<()> {
        let partition = &mut self.partitions[partition(prefix(id), self.partition_bits)];
        if partition.rest.len() == EXTENT_BYTES {
            self.spill.write_all_at(&partition.rest, self.spill_end)?;
            partition.extents.push(self.spill_end);
            partition.rest.clear();
            self.spill_end += EXTENT_BYTES as u64;
        }
        for part in [id.as_slice(), &pack.to_be_bytes(), &position.to_be_bytes()] {
            partition.rest.extend_from_slice(part);
        }
        self.places += 1;
        Ok(())
    }

    /// Writes the run to a file, which is durable when this returns.
    pub fn finish(
        mut self,
        path: &Path,
        repository: RepositoryId,
        number: u64,
        packs: &[TablePack],
    ) -> io::Result<()> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let mut pages = PageWriter::new(&file, repository, number, self.places);
        let mut filters = Filters::default();
        for mut partition in std::mem::take(&mut self.partitions) {
            let places = self.load(&mut partition)?;
            filters.add(&places);
            pages.add(&places)?;
        }
        let (mut out, fences) = pages.finish()?;
        let tail = TailWriter { out: &mut out, hasher: blake3::Hasher::new(), bytes: 0 };
        self.write_tail(tail, repository, number, packs, &fences, &filters)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_data()
    }

    /// Reads a partition back, and sorts it.
    fn load(&self, partition: &mut Partition) -> io::Result<Vec<PlaceBytes>> {
        let mut rest = std::mem::take(&mut partition.rest);
        let mut places =
            Vec::with_capacity((partition.extents.len() * EXTENT_BYTES + rest.len()) / PLACE_BYTES);
        places.extend_from_slice(rest.as_chunks().0);
        rest.resize(EXTENT_BYTES, 0);
        for extent in &partition.extents {
            self.spill.read_exact_at(&mut rest, *extent)?;
            places.extend_from_slice(rest.as_chunks().0);
        }
        places.sort_unstable();
        Ok(places)
    }

    fn write_tail(
        &self,
        mut tail: TailWriter<'_, impl Write>,
        repository: RepositoryId,
        number: u64,
        packs: &[TablePack],
        fences: &[u64],
        filters: &Filters,
    ) -> io::Result<()> {
        tail.put(&repository.0)?;
        tail.put(&number.to_le_bytes())?;
        tail.put(&(packs.len() as u32).to_le_bytes())?;
        tail.put(&self.partition_bits.to_le_bytes())?;
        for count in [self.places, fences.len() as u64, filters.fingerprints.len() as u64] {
            tail.put(&count.to_le_bytes())?;
        }
        for pack in packs {
            tail.put(&pack.name.run.0)?;
            tail.put(&pack.name.number.to_le_bytes())?;
            tail.put(&pack.group.0)?;
            tail.put(&u32::from(pack.kind as u8).to_le_bytes())?;
            tail.put(&pack.chunks.to_le_bytes())?;
            tail.put(&pack.bytes.unwrap_or(u64::MAX).to_le_bytes())?;
        }
        for fence in fences {
            tail.put(&fence.to_le_bytes())?;
        }
        for (bytes, descriptor) in &filters.rows {
            tail.put(&bytes.to_le_bytes())?;
            tail.put(descriptor)?;
        }
        tail.put(&filters.fingerprints)?;
        tail.finish()
    }
}

/// The filters of the partitions, one after the other.
#[derive(Debug, Default)]
struct Filters {
    rows: Vec<(u64, [u8; DESCRIPTOR_BYTES])>,
    fingerprints: Vec<u8>,
}

impl Filters {
    fn add(&mut self, places: &[PlaceBytes]) {
        let mut keys: Vec<u64> = places.iter().map(|place| prefix(place)).collect();
        keys.dedup();
        let mut descriptor = [0; DESCRIPTOR_BYTES];
        let filter = if keys.is_empty() { None } else { BinaryFuse8::try_from(&keys).ok() };
        // A partition without a filter is looked up on disk.
        let fingerprints = filter.as_ref().map_or(&[][..], |filter| {
            filter.dma_copy_descriptor_to(&mut descriptor);
            filter.dma_fingerprints()
        });
        // Exactly, without the usual doubling: this is most of the memory.
        self.fingerprints.reserve_exact(fingerprints.len());
        self.fingerprints.extend_from_slice(fingerprints);
        self.rows.push((fingerprints.len() as u64, descriptor));
    }
}

/// Writes pages one after the other; all except the last one are full.
struct PageWriter<'a> {
    out: BufWriter<&'a File>,
    repository: RepositoryId,
    run: u64,
    page: Vec<u8>,
    fences: Vec<u64>,
}

impl<'a> PageWriter<'a> {
    fn new(file: &'a File, repository: RepositoryId, run: u64, places: u64) -> Self {
        let fences = Vec::with_capacity(places.div_ceil(PAGE_PLACES as u64) as usize);
        let out = BufWriter::with_capacity(1 << 20, file);
        Self { out, repository, run, page: Vec::with_capacity(PAGE_BYTES), fences }
    }

    fn add(&mut self, places: &[PlaceBytes]) -> io::Result<()> {
        for place in places {
            if self.page.len() == PAGE_BYTES {
                self.write_page()?;
            }
            if self.page.is_empty() {
                self.page.resize(PAGE_HEADER_BYTES, 0);
                self.fences.push(prefix(place));
            }
            self.page.extend_from_slice(place);
        }
        Ok(())
    }

    fn write_page(&mut self) -> io::Result<()> {
        let Some(number) = (self.fences.len() as u64).checked_sub(1) else { return Ok(()) };
        let count = ((self.page.len() - PAGE_HEADER_BYTES) / PLACE_BYTES) as u32;
        self.page[PAGE_CHECKSUM_BYTES..PAGE_CHECKSUM_BYTES + 4].copy_from_slice(&count.to_le_bytes());
        self.page.resize(PAGE_BYTES, 0);
        let (checksum, content) = self.page.split_at_mut(PAGE_CHECKSUM_BYTES);
        checksum.copy_from_slice(&page_checksum(self.repository, self.run, number, content));
        self.out.write_all(&self.page)?;
        self.page.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<(BufWriter<&'a File>, Vec<u64>)> {
        if !self.page.is_empty() {
            self.write_page()?;
        }
        Ok((self.out, self.fences))
    }
}

/// Writes the tail and its trailer.
struct TailWriter<'a, W: Write> {
    out: &'a mut W,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl<W: Write> TailWriter<'_, W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn finish(self) -> io::Result<()> {
        self.out.write_all(&self.bytes.to_le_bytes())?;
        self.out.write_all(self.hasher.finalize().as_bytes())?;
        self.out.write_all(MAGIC)
    }
}
