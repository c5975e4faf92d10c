//! Manifests: the files of a snapshot, and everything that they refer to (sections 11 to 13).

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    names::Run,
    packs::{ChunkId, DATA, MANIFEST, Packs},
    snapshots::{Completion, Totals},
    values::{Fault, Value},
};

const NO_CONTENT: u64 = 2;
/// The id of a hole in a chunk list.
const HOLE: [u8; 24] = [0; 24];

/// What a walk through the manifest of a snapshot found.
pub(super) struct Manifest<'a> {
    packs: &'a Packs<'a>,
    group: Option<Run>,
    /// Content of all regular files by path; `None` if the snapshot says that it could not be read.
    pub(super) files: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// All chunks and nodes that the walk met, whether they exist or not.
    pub(super) references: BTreeSet<ChunkId>,
    pub(super) faults: Vec<Fault>,
    last: Option<Vec<u8>>,
}

impl<'a> Manifest<'a> {
    /// Reads the whole manifest. With a group, only its packs may be used.
    pub(super) fn walk(packs: &'a Packs<'a>, group: Option<Run>, completion: &Completion) -> Self {
        let mut manifest = Self {
            packs,
            group,
            files: BTreeMap::new(),
            references: BTreeSet::new(),
            faults: Vec::new(),
            last: None,
        };
        match manifest.node(completion.root, completion.level) {
            Err(fault) => manifest.faults.push(fault),
            Ok(totals) if totals != completion.totals && manifest.faults.is_empty() => {
                manifest.faults.push("the manifest has other totals than the snapshot".into());
            }
            Ok(_) => {}
        }
        manifest
    }

    /// Fetches a chunk or node, and notes that it is needed.
    fn fetch(&mut self, kind: u8, id: [u8; 24]) -> Result<Vec<u8>, Fault> {
        self.references.insert((kind, id));
        self.packs.chunk((kind, id), self.group)
    }

    /// Fetches a node: its record, after the byte that says of which sort it is.
    fn record(&mut self, id: [u8; 24], sort: u8, level: u8) -> Result<Value, Fault> {
        let content = self.fetch(MANIFEST, id)?;
        if content.first() != Some(&sort) {
            return Err("a node is of the other sort".into());
        }
        let record = Value::decode(&content[1..])?;
        if level > 15 || record.field(0)?.unsigned::<u8>()? != level {
            return Err("a node has another level than its parent says".into());
        }
        Ok(record)
    }

    /// Reads a node and everything below it.
    fn node(&mut self, id: [u8; 24], level: u8) -> Result<Totals, Fault> {
        let record = self.record(id, 1, level)?;
        let items = record.field(1)?.array()?;
        let width = if level == 0 { 3 } else { 6 };
        if !items.len().is_multiple_of(width) || (items.is_empty() && level > 0) {
            return Err("a node has an incomplete item".into());
        }
        let mut totals = Totals::default();
        let mut path = Vec::new();
        for item in items.chunks_exact(width) {
            let shared: usize = item[0].unsigned()?;
            if shared > path.len() {
                return Err("a path shares more bytes than the path before it has".into());
            }
            path.truncate(shared);
            path.extend_from_slice(item[1].bytes()?);
            let found = if level == 0 {
                self.leaf_item(&path, &item[2])?
            } else {
                self.inner_item(&path, level, &item[2..])?
            };
            totals.entries += found.entries;
            totals.files += found.files;
            totals.bytes += found.bytes;
        }
        Ok(totals)
    }

    /// Reads a child and compares it with what its parent says about it.
    fn inner_item(&mut self, path: &[u8], level: u8, item: &[Value]) -> Result<Totals, Fault> {
        let said =
            Totals { entries: item[1].unsigned()?, files: item[2].unsigned()?, bytes: item[3].unsigned()? };
        let faults = self.faults.len();
        match self.node(item[0].fixed()?, level - 1) {
            Err(fault) => self.faults.push(fault),
            // What was not read cannot be compared.
            Ok(_) if self.faults.len() > faults => {}
            Ok(found) if found != said || self.last.as_deref() != Some(path) => {
                self.faults.push("a node differs from what its parent says".into());
            }
            Ok(_) => {}
        }
        Ok(said)
    }

    fn leaf_item(&mut self, path: &[u8], entry: &Value) -> Result<Totals, Fault> {
        if self.last.as_ref().is_some_and(|last| compare_paths(last, path) != Ordering::Less) {
            return Err(format!("the path {} is not after the one before it", shown(path)));
        }
        self.last = Some(path.to_vec());
        let kind: u8 = entry.field(0)?.unsigned()?;
        if kind > 6 || (path.is_empty() && kind != 1) {
            return Err(format!("the entry {} has an impossible kind", shown(path)));
        }
        if kind != 0 {
            return Ok(Totals { entries: 1, files: 0, bytes: 0 });
        }
        match self.content(entry) {
            Ok(content) => {
                self.files.insert(path.to_vec(), content);
            }
            Err(fault) => self.faults.push(format!("file {}: {fault}", shown(path))),
        }
        Ok(Totals { entries: 1, files: 1, bytes: entry.number(9)? })
    }

    /// Reads the content of a file.
    fn content(&mut self, entry: &Value) -> Result<Option<Vec<u8>>, Fault> {
        let holes = entry.list(17, Value::unsigned::<u64>)?;
        let has_chunks = entry.optional(14)?.is_some() || entry.optional(16)?.is_some();
        if entry.number(18)? & NO_CONTENT != 0 {
            let is_empty = !has_chunks && holes.is_empty();
            return if is_empty { Ok(None) } else { Err("it has content that could not be read".into()) };
        }
        let size = entry.number(9)?;
        let held: u64 = holes.chunks(2).map(|hole| hole[hole.len() - 1]).sum();
        let stream = match entry.optional(16)? {
            Some(tree) => self.tree(tree)?,
            None => self.inline(entry, size.saturating_sub(held))?,
        };
        if stream.len() as u64 + held != size {
            return Err("its chunks have another length than the file".into());
        }
        spread(&stream, &holes, size).map(Some)
    }

    /// Reads a content stream of at most 8 chunks.
    fn inline(&mut self, entry: &Value, length: u64) -> Result<Vec<u8>, Fault> {
        let ids = entry.optional(14)?.map_or(Ok(&[][..]), Value::bytes)?;
        let lengths = match entry.optional(15)? {
            Some(lengths) => lengths.each(Value::unsigned)?,
            None => vec![length; usize::from(!ids.is_empty())],
        };
        if ids.len() != 24 * lengths.len() || lengths.len() > 8 {
            return Err("its list of chunks is wrong".into());
        }
        // All are noted as needed, even if one is lost.
        let chunks: Vec<_> = (ids.chunks_exact(24).zip(lengths))
            .map(|(id, length)| self.sized_chunk(id.try_into().map_err(|_| "an id is short")?, length))
            .collect();
        Ok(chunks.into_iter().collect::<Result<Vec<_>, Fault>>()?.concat())
    }

    fn sized_chunk(&mut self, id: [u8; 24], length: u64) -> Result<Vec<u8>, Fault> {
        let chunk = self.fetch(DATA, id)?;
        if chunk.len() as u64 == length { Ok(chunk) } else { Err("a chunk has another length".into()) }
    }

    /// Reads a content stream from a chunk-list tree.
    fn tree(&mut self, reference: &Value) -> Result<Vec<u8>, Fault> {
        let [id, level, chunks, bytes] = reference.array()? else {
            return Err("a reference to a chunk list has four parts".into());
        };
        let mut stream = Vec::new();
        let count = self.list_node(id.fixed()?, level.unsigned()?, &mut stream)?;
        if count != chunks.unsigned::<u64>()? || stream.len() as u64 != bytes.unsigned::<u64>()? {
            return Err("a chunk list differs from the reference to it".into());
        }
        Ok(stream)
    }

    /// Appends the content below a node of a chunk list, and returns the number of its chunks.
    fn list_node(&mut self, id: [u8; 24], level: u8, stream: &mut Vec<u8>) -> Result<u64, Fault> {
        let record = self.record(id, 2, level)?;
        let ids = record.field(1)?.bytes()?;
        let lengths: Vec<u64> = record.field(2)?.each(Value::unsigned)?;
        let counts: Vec<u64> =
            if level == 0 { vec![1; lengths.len()] } else { record.field(3)?.each(Value::unsigned)? };
        if ids.is_empty() || ids.len() != 24 * lengths.len() || counts.len() != lengths.len() {
            return Err("the lists of a chunk list have different lengths".into());
        }
        let mut result = Ok(0);
        for ((id, length), count) in ids.chunks_exact(24).zip(lengths).zip(counts) {
            let id: [u8; 24] = id.try_into().map_err(|_| "an id is short")?;
            let found = self.list_item(id, level, length, count, stream);
            result = result.and_then(|total| found.map(|()| total + count));
        }
        result
    }

    fn list_item(
        &mut self,
        id: [u8; 24],
        level: u8,
        length: u64,
        count: u64,
        stream: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let before = stream.len() as u64;
        if level > 0 {
            let found = self.list_node(id, level - 1, stream)?;
            let is_same = found == count && stream.len() as u64 - before == length;
            return if is_same { Ok(()) } else { Err("a chunk list differs from its parent".into()) };
        }
        if id == HOLE {
            let end = usize::try_from(before + length).map_err(|_| "a hole is too long")?;
            stream.resize(end, 0);
        } else {
            stream.extend(self.sized_chunk(id, length)?);
        }
        Ok(())
    }
}

/// Puts a content stream into the gaps between the holes.
fn spread(stream: &[u8], holes: &[u64], size: u64) -> Result<Vec<u8>, Fault> {
    let mut content = vec![0; usize::try_from(size).map_err(|_| "the file is too long")?];
    let mut rest = stream;
    let mut position = 0;
    for hole in holes.chunks(2) {
        let [offset, length] = *hole else { return Err("a hole has two numbers".into()) };
        let offset = usize::try_from(offset).map_err(|_| "a hole is too far away")?;
        let gap = offset.checked_sub(position).filter(|gap| *gap <= rest.len());
        let (before, after) = rest.split_at(gap.ok_or("the holes overlap")?);
        content[position..offset].copy_from_slice(before);
        rest = after;
        position = offset + usize::try_from(length).map_err(|_| "a hole is too long")?;
    }
    let end = content.get_mut(position..).filter(|end| end.len() == rest.len());
    end.ok_or("the holes do not fit the size")?.copy_from_slice(rest);
    Ok(content)
}

/// The order of section 11.1: `/` comes before all other bytes.
fn compare_paths(one: &[u8], other: &[u8]) -> Ordering {
    let rank = |byte: &u8| if *byte == b'/' { 0 } else { u16::from(*byte) + 1 };
    one.iter().map(rank).cmp(other.iter().map(rank))
}

/// Returns a path for people.
pub(super) fn shown(path: &[u8]) -> String {
    format!("'{}'", String::from_utf8_lossy(path))
}
