//! Packs and their directories (sections 9 and 10), and the chunks in them.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use bytes::Bytes;

use super::{
    names::{PackName, Run},
    sealed::{HEADER, Keys, Sealed, number32, plain, unframe},
    values::{Fault, Value},
};

/// Kind of packs with chunks of files.
pub(super) const DATA: u8 = 2;
/// Kind of packs with nodes of manifests and of chunk lists.
pub(super) const MANIFEST: u8 = 3;

/// A chunk of files, or a node: the two have separate names.
pub(super) type ChunkId = (u8, [u8; 24]);

/// Ordinal of the copy of the directory in a pack.
const ORDINAL_OF_COPY: u64 = 1 << 63;

/// Blocks and chunks of a pack.
#[derive(PartialEq)]
pub(super) struct Directory {
    pub(super) kind: u8,
    pub(super) group: Run,
    epoch: u32,
    salt: [u8; 32],
    blocks: Vec<Block>,
    pub(super) chunks: Vec<Chunk>,
}

#[derive(PartialEq)]
struct Block {
    offset: usize,
    stored: usize,
    codec: u32,
    plain: usize,
}

/// A chunk in a block.
#[derive(PartialEq)]
pub(super) struct Chunk {
    pub(super) id: [u8; 24],
    block: usize,
    offset: usize,
    length: usize,
}

impl Directory {
    /// Reads the record of a directory; `name` is the pack that it must belong to.
    fn read(record: &Value, name: PackName) -> Result<Self, Fault> {
        if record.field(0)?.fixed()? != name.run.0 || record.field(1)?.unsigned::<u32>()? != name.number {
            return Err("the directory is that of another pack".into());
        }
        let kind = record.field(2)?.unsigned()?;
        if !matches!(kind, DATA | MANIFEST) || record.field(11)?.unsigned::<u16>()? != 1 {
            return Err("the kind or the version of the pack is unknown".into());
        }
        let mut directory = Self {
            kind,
            group: Run(record.field(3)?.fixed()?),
            epoch: record.field(4)?.unsigned()?,
            salt: record.field(5)?.fixed()?,
            blocks: Vec::new(),
            chunks: Vec::new(),
        };
        directory.place_blocks(record)?;
        Ok(directory)
    }

    /// Computes where each block and each chunk begins.
    fn place_blocks(&mut self, record: &Value) -> Result<(), Fault> {
        let numbers: Vec<usize> = record.field(8)?.each(Value::unsigned)?;
        let lengths: Vec<usize> = record.field(9)?.each(Value::unsigned)?;
        let ids = record.field(10)?.bytes()?;
        if !numbers.len().is_multiple_of(4) || ids.len() != 24 * lengths.len() {
            return Err("the lists of the directory have wrong lengths".into());
        }
        let mut ids = ids.chunks_exact(24);
        let mut lengths = lengths.into_iter();
        let mut offset = HEADER;
        for (block, numbers) in numbers.chunks_exact(4).enumerate() {
            let (stored, codec, plain, count) = (numbers[0], numbers[1], numbers[2], numbers[3]);
            let mut within = 0;
            for (id, length) in ids.by_ref().zip(lengths.by_ref()).take(count) {
                let id = id.try_into().map_err(|_| "an id has another length")?;
                self.chunks.push(Chunk { id, block, offset: within, length });
                within += length;
                if length == 0 || length > 16 << 20 {
                    return Err("a chunk has an impossible length".into());
                }
            }
            let is_right = if codec == 0 { stored == plain + 16 } else { (16..plain + 16).contains(&stored) };
            if count == 0 || within != plain || !is_right {
                return Err(format!("block {block} of the directory contradicts itself"));
            }
            let codec = u32::try_from(codec).map_err(|_| "the codec is unknown")?;
            self.blocks.push(Block { offset, stored, codec, plain });
            offset += stored;
        }
        if lengths.next().is_some() { Err("a chunk is in no block".into()) } else { Ok(()) }
    }
}

/// Plaintext of a block.
type Plaintext = Result<Vec<u8>, Fault>;

/// A pack that is listed.
pub(super) struct Pack {
    pub(super) kind: u8,
    /// The group that the key names; manifest packs have none there.
    pub(super) group: Option<Run>,
    pub(super) bytes: Bytes,
}

/// All packs and directories of a repository.
pub(super) struct Packs<'a> {
    keys: &'a Keys,
    pub(super) objects: BTreeMap<PackName, Pack>,
    /// The directories that open.
    pub(super) directories: BTreeMap<PackName, Directory>,
    /// Names of all directories, also of those that do not open.
    pub(super) listed: BTreeSet<PackName>,
    /// Packs that a collection is removing, with its number.
    pub(super) swept: BTreeMap<PackName, u32>,
    copies: BTreeMap<ChunkId, Vec<(PackName, usize)>>,
    /// Blocks that were opened already.
    blocks: RefCell<BTreeMap<(PackName, usize), Plaintext>>,
}

impl<'a> Packs<'a> {
    pub(super) fn new(keys: &'a Keys) -> Self {
        Self {
            keys,
            objects: BTreeMap::new(),
            directories: BTreeMap::new(),
            listed: BTreeSet::new(),
            swept: BTreeMap::new(),
            copies: BTreeMap::new(),
            blocks: RefCell::default(),
        }
    }

    /// Adds a pack, unless another one has its name.
    pub(super) fn add_pack(&mut self, name: PackName, pack: Pack) -> Result<(), Fault> {
        if self.objects.insert(name, pack).is_some() {
            return Err("two packs have this name".into());
        }
        Ok(())
    }

    /// Adds a directory and compares it with its pack, if the pack exists. All packs were added before.
    pub(super) fn add_directory(&mut self, name: PackName, object: &[u8]) -> Result<(), Fault> {
        self.listed.insert(name);
        let record = self.keys.record(4, object)?;
        let directory = Directory::read(&record, name)?;
        if let Some(pack) = self.objects.get(&name) {
            self.compare(name, pack, &directory, &record)?;
        }
        for (index, chunk) in directory.chunks.iter().enumerate() {
            self.copies.entry((directory.kind, chunk.id)).or_default().push((name, index));
        }
        self.directories.insert(name, directory);
        Ok(())
    }

    /// Compares a directory with the pack itself.
    fn compare(
        &self,
        name: PackName,
        pack: &Pack,
        directory: &Directory,
        record: &Value,
    ) -> Result<(), Fault> {
        if pack.kind != directory.kind || pack.group.is_some_and(|group| group != directory.group) {
            return Err("the pack is below another key than its directory says".into());
        }
        if record.field(6)?.unsigned::<usize>()? != pack.bytes.len() {
            return Err("the pack has another length than its directory says".into());
        }
        if record.field(7)?.fixed::<32>()? != *blake3::hash(&pack.bytes).as_bytes() {
            return Err("the pack has another hash than its directory says".into());
        }
        if self.copy(name)? != *directory {
            return Err("the copy of the directory in the pack differs from the directory".into());
        }
        Ok(())
    }

    /// Reads the copy of the directory at the end of a listed pack.
    pub(super) fn copy(&self, name: PackName) -> Result<Directory, Fault> {
        let pack = self.objects.get(&name).ok_or("the pack is missing")?;
        let trailer = pack.bytes.len().checked_sub(12).filter(|trailer| *trailer >= HEADER);
        let trailer = trailer.ok_or("the pack is too short")?;
        if pack.bytes[trailer + 4..] != *b"ICECPEND" {
            return Err("the pack has no end mark".into());
        }
        let start = trailer.checked_sub(number32(&pack.bytes, trailer) as usize);
        let start = start.filter(|start| *start >= HEADER).ok_or("the copy of the directory is too long")?;
        let sealed = Sealed::new(self.keys, pack.kind, &pack.bytes[..HEADER])?;
        let record = Value::decode(&unframe(&sealed.open(ORDINAL_OF_COPY, &pack.bytes[start..trailer])?)?)?;
        let directory = Directory::read(&record, name)?;
        let end = directory.blocks.last().map_or(HEADER, |block| block.offset + block.stored);
        if end > start || directory.epoch != sealed.epoch || directory.salt != sealed.salt {
            return Err("the copy of the directory contradicts the pack".into());
        }
        Ok(directory)
    }

    /// Returns the content of a chunk from any copy that may be used: with a group, only from its packs.
    pub(super) fn chunk(&self, (kind, id): ChunkId, group: Option<Run>) -> Result<Vec<u8>, Fault> {
        let mut reasons = Vec::new();
        for (name, index) in self.copies.get(&(kind, id)).into_iter().flatten() {
            match self.read(*name, *index, group) {
                Ok(content) => return Ok(content),
                Err(fault) => reasons.push(format!("in pack {name}, {fault}")),
            }
        }
        if reasons.is_empty() {
            reasons.push(self.in_no_directory(kind, id));
        }
        let kind = if kind == MANIFEST { "node" } else { "chunk" };
        Err(format!("the {kind} {} is lost: {}", shown(&id), reasons.join("; ")))
    }

    fn in_no_directory(&self, kind: u8, id: [u8; 24]) -> String {
        let holds = |name: &&PackName| {
            let copy = self.copy(**name);
            copy.is_ok_and(|copy| copy.kind == kind && copy.chunks.iter().any(|chunk| chunk.id == id))
        };
        match self.objects.keys().find(holds) {
            Some(name) => format!("pack {name} has it, but no valid directory"),
            None => "it is in no directory and in no pack".into(),
        }
    }

    /// Reads one copy of a chunk and verifies it.
    fn read(&self, name: PackName, index: usize, group: Option<Run>) -> Result<Vec<u8>, Fault> {
        let directory = &self.directories[&name];
        let chunk = &directory.chunks[index];
        if let Some(group) = group.filter(|group| *group != directory.group) {
            return Err(format!("which belongs to another group than {group}"));
        }
        if let Some(number) = self.swept.get(&name) {
            return Err(format!("which collection {number} is removing"));
        }
        let pack = self.objects.get(&name).ok_or("which is missing")?;
        let mut blocks = self.blocks.borrow_mut();
        let block = blocks
            .entry((name, chunk.block))
            .or_insert_with(|| self.open_block(pack, &directory.blocks[chunk.block], chunk.block));
        let block = block.as_ref().map_err(Clone::clone)?;
        let content = &block[chunk.offset..chunk.offset + chunk.length];
        if self.keys.identity(directory.kind, content) != chunk.id {
            return Err("its content has another identity".into());
        }
        Ok(content.to_vec())
    }

    fn open_block(&self, pack: &Pack, block: &Block, number: usize) -> Plaintext {
        let header = pack.bytes.get(..HEADER).ok_or("the pack is too short")?;
        let stored = pack.bytes.get(block.offset..block.offset + block.stored);
        let sealed = Sealed::new(self.keys, pack.kind, header)?;
        plain(block.codec, &sealed.open(number as u64, stored.ok_or("the block is cut off")?)?, block.plain)
    }
}

/// Returns the beginning of an id, for people.
fn shown(id: &[u8; 24]) -> String {
    id.iter().take(6).fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}
